// SPDX-License-Identifier: Apache-2.0
/* WebP by libwebp: lossy and lossless, and an animation's first frame. */
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>

#include "core/base/system.h"
#include "core/io/image_parts.h"

enum { PIECE = 1 << 16 }; /* bytes between looks at whether to stop */

/* In pieces, so that a large image can be stopped. */
static cm_status read_still(const unsigned char *data, size_t bytes, cm_image *image) {
    const size_t stride = image->width * 3;
    WebPIDecoder *d = WebPINewRGB(MODE_RGB, image->pixels, stride * image->height, (int)stride);
    if (!d) return cm_fail(CM_ENOMEM, "out of memory");
    VP8StatusCode code = VP8_STATUS_SUSPENDED;
    for (size_t at = 0; at < bytes && code == VP8_STATUS_SUSPENDED && !cm_interrupted();) {
        at = bytes - at > PIECE ? at + PIECE : bytes;
        code = WebPIUpdate(d, data, at);
    }
    WebPIDelete(d);
    if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
    if (code == VP8_STATUS_OUT_OF_MEMORY) return cm_fail(CM_ENOMEM, "out of memory");
    if (code == VP8_STATUS_SUSPENDED) return cm_fail(CM_EFORMAT, "truncated WebP");
    return code == VP8_STATUS_OK ? CM_OK : cm_fail(CM_EFORMAT, "damaged WebP");
}

/* The first frame lies on a cleared canvas. */
static cm_status read_first_frame(const unsigned char *data, size_t bytes, cm_image *image) {
    const WebPData file = {data, bytes};
    WebPAnimDecoderOptions o;
    uint8_t *canvas;
    int when;
    if (!WebPAnimDecoderOptionsInit(&o))
        return cm_fail(CM_EUNAVAILABLE, "another libwebp than this program was built with");
    o.color_mode = MODE_RGBA;
    WebPAnimDecoder *d = WebPAnimDecoderNew(&file, &o);
    if (!d) return cm_fail(CM_EFORMAT, "damaged WebP animation");
    const bool ok = WebPAnimDecoderGetNext(d, &canvas, &when);
    for (size_t i = 0; ok && i < image->width * image->height; i++) memcpy(image->pixels + 3 * i, canvas + 4 * i, 3);
    WebPAnimDecoderDelete(d);
    return ok ? CM_OK : cm_fail(CM_EFORMAT, "damaged WebP animation");
}

/* RIFF's header says how long the file is; what lies behind is left alone. */
static bool is_cut(const unsigned char *p, size_t bytes) {
    return bytes < 12 || (size_t)(p[4] | p[5] << 8 | p[6] << 16) + ((size_t)p[7] << 24) + 8 > bytes;
}

cm_status cm_webp_decode(const unsigned char *data, size_t bytes, cm_arena *out, cm_image *image) {
    WebPBitstreamFeatures about;
    cm_image r;
    const VP8StatusCode code = WebPGetFeatures(data, bytes, &about);
    if (code == VP8_STATUS_NOT_ENOUGH_DATA || is_cut(data, bytes)) return cm_fail(CM_EFORMAT, "truncated WebP");
    if (code != VP8_STATUS_OK) return cm_fail(CM_EFORMAT, "damaged WebP");
    /* A still image's sides are below 2^14 and one colour takes no more than its header; a canvas may be anything. */
    CM_TRY(about.has_animation ? cm_image_new_from(bytes, out, (size_t)about.width, (size_t)about.height, 3, &r)
                               : cm_image_new(out, (size_t)about.width, (size_t)about.height, 3, &r));
    CM_TRY(about.has_animation ? read_first_frame(data, bytes, &r) : read_still(data, bytes, &r));
    r.lost_alpha = about.has_alpha;
    r.lossy = about.format == 1; /* 0: an animation, of both kinds */
    *image = r;
    return CM_OK;
}
