/* HDF5's types and ours. */
#include "h5/internal.h"

#include <stdio.h>
#include <string.h>

/* IEEE's 16 bits, made once; HDF5 has no name for them. */
static hid_t half(void) {
    static hid_t type = H5I_INVALID_HID;
    if (type < 0) {
        type = H5Tcopy(H5T_NATIVE_FLOAT);
        H5Tset_fields(type, 15, 10, 5, 0, 10);
        H5Tset_size(type, 2);
        H5Tset_ebias(type, 15);
    }
    return type;
}

hid_t h5_native(h5_type type) {
    switch (type) {
    case H5_U8:
        return H5T_NATIVE_UINT8;
    case H5_I8:
        return H5T_NATIVE_INT8;
    case H5_U16:
        return H5T_NATIVE_UINT16;
    case H5_I16:
        return H5T_NATIVE_INT16;
    case H5_U32:
        return H5T_NATIVE_UINT32;
    case H5_I32:
        return H5T_NATIVE_INT32;
    case H5_U64:
        return H5T_NATIVE_UINT64;
    case H5_I64:
        return H5T_NATIVE_INT64;
    case H5_F16:
        return half();
    case H5_F32:
        return H5T_NATIVE_FLOAT;
    case H5_F64:
        return H5T_NATIVE_DOUBLE;
    default:
        return H5I_INVALID_HID;
    }
}

const char *h5_type_name(h5_type type) {
    static const char *const names[] = {"uint8",  "int8",  "uint16",  "int16",   "uint32",  "int32",
                                        "uint64", "int64", "float16", "float32", "float64", "text"};
    return type == H5_OTHER ? "something else" : names[type];
}

static h5_type integer_type(size_t bytes, bool is_signed) {
    switch (bytes) {
    case 1:
        return is_signed ? H5_I8 : H5_U8;
    case 2:
        return is_signed ? H5_I16 : H5_U16;
    case 4:
        return is_signed ? H5_I32 : H5_U32;
    case 8:
        return is_signed ? H5_I64 : H5_U64;
    default:
        return H5_OTHER;
    }
}

/* What the file's type is to us; H5_OTHER where it is nothing that this room reads. */
static h5_type type_of(hid_t type) {
    size_t bytes = H5Tget_size(type);
    switch (H5Tget_class(type)) {
    case H5T_INTEGER:
        return integer_type(bytes, H5Tget_sign(type) == H5T_SGN_2);
    case H5T_FLOAT:
        return bytes == 2 ? H5_F16 : bytes == 4 ? H5_F32 : bytes == 8 ? H5_F64 : H5_OTHER;
    case H5T_STRING:
        return H5_STRING;
    default:
        return H5_OTHER;
    }
}

bool h5_describe(h5_info *info, hid_t type, hid_t space) {
    memset(info, 0, sizeof *info);
    info->type = type_of(type);
    info->width = info->type == H5_STRING && H5Tis_variable_str(type) == 0 ? H5Tget_size(type) : 0;
    info->rank = H5Sget_simple_extent_ndims(space);
    info->offset = -1;
    if (info->rank < 0 || info->rank > H5_MAX_RANK)
        return false;
    hsize_t size[H5_MAX_RANK];
    H5Sget_simple_extent_dims(space, size, NULL);
    for (int i = 0; i < info->rank; i++)
        info->size[i] = size[i];
    info->count = (uint64_t)H5Sget_simple_extent_npoints(space);
    return true;
}

char *h5_what(char out[H5_WHAT], const char *object, const char *name) {
    if (name)
        snprintf(out, H5_WHAT, "attribute %s of %s", name, object);
    else
        snprintf(out, H5_WHAT, "%s", object);
    return out;
}
