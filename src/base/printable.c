/* What people are shown of text that others wrote: file names, names of classes, keys, attributes. A control character could move the
 * cursor, recolour the terminal, or begin a line that looks like ours. */
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool continues(unsigned char byte) {
    return byte >> 6 == 2;
}

/* Bytes of the UTF-8 character at `s` (RFC 3629: no surrogates, nothing longer than needed); 0 where there is none. */
static int utf8_length(const unsigned char *s) {
    if (s[0] < 0x80)
        return 1;
    int length = s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >> 4 == 0xe ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
    for (int i = 1; i < length; i++)
        if (!continues(s[i]))
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool no_character = (s[0] == 0xed && s[1] >= 0xa0) || (s[0] == 0xf4 && s[1] >= 0x90);
    return overlong || no_character ? 0 : length;
}

/* C0, DEL, C1; separators of lines and marks that turn the direction of writing (U+2028 to U+202E, U+2066 to U+2069). */
static bool is_control(const unsigned char *s) {
    if (s[0] < 0x80)
        return s[0] < 0x20 || s[0] == 0x7f;
    if (s[0] == 0xc2)
        return s[1] < 0xa0;
    return s[0] == 0xe2 && ((s[1] == 0x80 && s[2] >= 0xa8 && s[2] <= 0xae) || (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9));
}

/* The next character as it is shown: its bytes, or \xNN for the next one. */
static size_t next_piece(char piece[8], const unsigned char **text) {
    int length = utf8_length(*text);
    if (length == 0 || is_control(*text)) {
        snprintf(piece, 8, "\\x%02x", **text);
        *text += 1;
        return 4;
    }
    memcpy(piece, *text, (size_t)length);
    *text += length;
    return (size_t)length;
}

size_t text_printable(char *out, size_t size, const char *text) {
    size_t all = 0, used = 0;
    char piece[8];
    for (const unsigned char *next = (const unsigned char *)text; *next;) {
        size_t length = next_piece(piece, &next);
        if (used == all && used + length < size) {
            memcpy(out + used, piece, length);
            used += length;
        }
        all += length;
    }
    if (size > 0)
        out[used] = '\0';
    return all;
}

/* Characters up to the next space. */
static int word_length(const char *word) {
    int length = 0;
    for (; *word && *word != ' '; word++)
        length += !continues((unsigned char)*word);
    return length;
}

char *text_wrapped(const char *text, int indent, int width) {
    char *lines = mem_string("");
    int column = indent;
    while (*text) {
        size_t bytes = strcspn(text, " ");
        int length = word_length(text);
        bool begins = column == indent, fits = begins || column + 1 + length <= width;
        if (!fits)
            column = indent;
        char *lead = fits ? mem_string(begins ? "" : " ") : text_format("\n%*s", indent, "");
        text_append(&lines, lead);
        text_append(&lines, text_format("%.*s", (int)bytes, text));
        column += length + (fits && !begins);
        text += bytes + strspn(text + bytes, " ");
    }
    return lines;
}

/* Not mem_new(): these lines are also the ones that say that there is no memory. */
static char *find_room(char *room, size_t *size, size_t needed) {
    char *more = needed > *size ? malloc(needed) : NULL;
    if (more)
        *size = needed;
    return more ? more : room;
}

char *text_line(char room[TEXT_LINE], const char *lead, const char *format, va_list args) {
    char some[TEXT_LINE];
    size_t size = sizeof some, used = strlen(lead);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(some, size, format, args);
    char *text = find_room(some, &size, length < 0 ? 0 : (size_t)length + 1);
    if (text != some)
        vsnprintf(text, size, format, again);
    va_end(again);
    size = TEXT_LINE;
    char *line = find_room(room, &size, used + text_printable(NULL, 0, text) + 2);
    memcpy(line, lead, used);
    text_printable(line + used, size - used - 1, text);
    strcat(line + used, "\n");
    if (text != some)
        free(text);
    return line;
}
