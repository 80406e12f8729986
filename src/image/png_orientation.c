/* Where a PNG file says how it is to be turned. There are four places, in front of the pixels or behind them, and they are looked through
 * as Pillow 9.4 does: EXIF data in a chunk of its own, or as text (ImageMagick's), then Adobe's XMP, where the EXIF data name no
 * orientation. The file is walked through here rather than by libpng, which has to be told not to unpack texts: a few bytes can claim
 * gigabytes. */
#include "image/internal.h"

#include <string.h>
#include <zlib.h>

enum { SIGNATURE = 8, CHUNK_FRAME = 12, TEXT_MOST = 1 << 20 };

typedef struct bytes {
    const uint8_t *at;
    size_t size;
} bytes;

/* A text chunk's content: deflated or not. */
typedef struct text {
    bytes data;
    bool packed;
} text;

/* What the chunks so far say; the last of a kind counts. */
typedef struct places {
    bytes exif;
    text profile, xmp;
    bool has_exif, has_profile, has_xmp;
} places;

static uint32_t big_endian(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Takes what is before the next zero off the front. */
static bool take_word(bytes *from, bytes *word) {
    const uint8_t *zero = from->size ? memchr(from->at, 0, from->size) : NULL;
    if (!zero)
        return false;
    *word = (bytes){from->at, (size_t)(zero - from->at)};
    from->size -= word->size + 1;
    from->at = zero + 1;
    return true;
}

static bool is_text(bytes b, const char *word) {
    return b.size == strlen(word) && memcmp(b.at, word, b.size) == 0;
}

/* tEXt: the text. zTXt: method, packed text. iTXt: whether it is packed, method, language, key in that language, text. */
static bool open_text(const uint8_t *type, bytes b, text *t) {
    bytes word;
    *t = (text){b, false};
    if (type[0] == 't')
        return true;
    bool international = type[0] == 'i';
    size_t head = international ? 2 : 1;
    if (b.size < head || (b.at[head - 1] != 0 && (!international || b.at[0])))
        return false;
    t->packed = !international || b.at[0] != 0;
    t->data = (bytes){b.at + head, b.size - head};
    return !international || (take_word(&t->data, &word) && take_word(&t->data, &word));
}

static void note_text(places *p, const uint8_t *type, bytes b) {
    bytes key;
    text t;
    if (!take_word(&b, &key) || !open_text(type, b, &t))
        return;
    if (is_text(key, "exif") && type[0] == 't')
        p->exif = b, p->has_exif = true;
    else if (is_text(key, "Raw profile type exif"))
        p->profile = t, p->has_profile = true;
    else if (is_text(key, "XML:com.adobe.xmp"))
        p->xmp = t, p->has_xmp = true;
}

/* Walks from chunk to chunk. What stands behind the pixels counts where there are no EXIF data in front of them. */
static places find_places(bytes file) {
    places p = {0};
    for (size_t at = SIGNATURE; at + CHUNK_FRAME <= file.size;) {
        const uint8_t *type = file.at + at + 4;
        bytes b = {type + 4, big_endian(file.at + at)};
        if (b.size > file.size - at - CHUNK_FRAME || memcmp(type, "IEND", 4) == 0)
            break;
        if (memcmp(type, "IDAT", 4) == 0 && p.has_exif)
            break;
        if (memcmp(type, "eXIf", 4) == 0)
            p.exif = b, p.has_exif = true;
        else if (memcmp(type, "tEXt", 4) == 0 || memcmp(type, "zTXt", 4) == 0 || memcmp(type, "iTXt", 4) == 0)
            note_text(&p, type, b);
        at += CHUNK_FRAME + b.size;
    }
    return p;
}

/* The text into `buffer` where it is packed; empty where it is damaged, or larger than any that means anything. */
static bytes unpack(text t, byte_buffer *buffer) {
    if (!t.packed)
        return t.data;
    byte_buffer_resize(buffer, TEXT_MOST);
    z_stream z = {.next_in = (uint8_t *)t.data.at, .avail_in = (uInt)t.data.size, .next_out = buffer->bytes, .avail_out = TEXT_MOST};
    if (inflateInit(&z) != Z_OK)
        err_end(ERR_BROKEN, "out of memory: PNG decoder");
    int status = inflate(&z, Z_SYNC_FLUSH);
    size_t size = TEXT_MOST - z.avail_out;
    inflateEnd(&z);
    bool good = status == Z_STREAM_END || ((status == Z_OK || status == Z_BUF_ERROR) && size < TEXT_MOST);
    return good ? (bytes){buffer->bytes, size} : (bytes){NULL, 0};
}

static int hex_digit(uint8_t c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The orientation in a text of three lines that do not matter, and EXIF data as hexadecimal digits. */
static int profile_orientation(bytes t) {
    const uint8_t *at = t.at, *end = t.at + t.size;
    for (int line = 0; line < 3 && at; line++) {
        at = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
        at = at ? at + 1 : NULL;
    }
    if (!at)
        return 0;
    uint8_t *block = mem_new((size_t)(end - at) / 2 + 1, 1);
    size_t digits = 0;
    bool good = true;
    for (; at < end && good; at++) {
        int digit = hex_digit(*at);
        if (digit >= 0)
            block[digits / 2] = (uint8_t)(block[digits / 2] << 4 | digit), digits++;
        else
            good = *at == ' ' || (*at >= '\t' && *at <= '\r');
    }
    int orientation = good && digits % 2 == 0 ? exif_orientation(block, digits / 2) : 0;
    mem_free(block);
    return orientation;
}

/* `tiff:Orientation="6"`, as attribute or as element. */
static int xmp_orientation(bytes t) {
    static const char name[] = "tiff:Orientation";
    const size_t length = sizeof name - 1;
    for (size_t i = 0; i + length + 2 <= t.size; i++) {
        const uint8_t *found = memchr(t.at + i, name[0], t.size - i);
        if (!found)
            return 0;
        i = (size_t)(found - t.at);
        if (i + length + 2 > t.size || memcmp(found, name, length) != 0)
            continue;
        const uint8_t *value = found + length;
        bool quoted = value[0] == '=' && value[1] == '"' && i + length + 3 <= t.size;
        if (quoted || value[0] == '>') {
            int digit = hex_digit(value[quoted ? 2 : 1]);
            if (digit >= 0 && digit <= 9)
                return digit;
        }
    }
    return 0;
}

int png_orientation(const uint8_t *file, size_t size) {
    places p = find_places((bytes){file, size});
    byte_buffer buffer = {0};
    int orientation = 0;
    if (p.has_exif)
        orientation = exif_orientation(p.exif.at, p.exif.size);
    else if (p.has_profile)
        orientation = profile_orientation(unpack(p.profile, &buffer));
    if (orientation == 0 && p.has_xmp)
        orientation = xmp_orientation(unpack(p.xmp, &buffer));
    byte_buffer_reset(&buffer);
    return orientation >= 1 && orientation <= 8 ? orientation : 1;
}
