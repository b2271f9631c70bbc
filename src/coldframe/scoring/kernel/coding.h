/* Codes of vectors, and how far they are from them, rounded so that every bound holds.

   Owns what the proof in matrix.py takes for granted of a row and of a query. */

#pragma once

#include <float.h>
#include <math.h>
#include <string.h>

#include "layout.h"

#define NIBBLE 7 /* the largest leading code of a row; in a block it stands 8 higher */
#define FARTHEST 8.2 /* what the largest value would have; cut off at 7, the others are rounded more finely */
#define COARSE 127 /* that of a query: sixteen products with 15 fit into 16 bits */

static float rounded_up(double value) {
    const float near = (float)value;
    return (double)near < value ? nextafterf(near, INFINITY) : near;
}

/* The largest |value| of a row; infinite or NaN where one is. Bits of positive floats are in the order of the floats. */
INLINE float largest(const float *row, int64_t dim) {
    uint32_t most = 0;
    for (int64_t j = 0; j < dim; j++) {
        uint32_t bits;
        memcpy(&bits, row + j, sizeof bits);
        bits &= 0x7FFFFFFF;
        most = bits > most ? bits : most;
    }
    float value;
    memcpy(&value, &most, sizeof value);
    return value;
}

/* Write the codes, −range … range, of values whose `largest` is finite and would be `most` but for that, and `rest` =
   ‖values − scale · codes‖ ÷ scale from above; return the scale, which is never 0. */
INLINE float quantise(const float *values, int64_t n, double most, double range, int16_t *codes, double *rest) {
    const float scale = fmaxf((float)(largest(values, n) / most), 0x1p-100f);
    const double inverse = 1 / (double)scale;
    const int32_t end = (int32_t)range;
    double missed[8] = {0};
    for (int64_t j = 0; j < n; j++) {
        const int32_t near = (int32_t)rint((double)values[j] * inverse), low = near < end ? near : end;
        codes[j] = (int16_t)(low > -end ? low : -end);
    }
    for (int64_t start = 0; start < n; start += 8) {
        const int64_t few = n - start < 8 ? n - start : 8;
        for (int64_t j = 0; j < few; j++) {
            const double off = (double)values[start + j] * inverse - codes[start + j];
            missed[j] += off * off;
        }
    }
    for (int j = 1; j < 8; j++) missed[0] += missed[j];
    *rest = sqrt(missed[0]) * (1 + 0x1p-40) + 0x1p-20;
    return scale;
}

/* ‖values‖, from above. */
static double length(const float *values, int64_t n) {
    double squares = 0;
    for (int64_t j = 0; j < n; j++) squares += (double)values[j] * (double)values[j];
    return sqrt(squares) * (1 + 0x1p-40);
}

/* ‖codes‖, rounded up. */
INLINE float length_of(const int8_t *codes, int64_t n) {
    int64_t squares = 0;
    for (int64_t j = 0; j < n; j++) squares += codes[j] * codes[j];
    return rounded_up(sqrt((double)squares) * (1 + 0x1p-40));
}

/* Put a lane's codes where 16 rows' lie, 0 where there are none. */
INLINE void put(uint8_t *lines, int64_t lane, const int8_t *codes, int64_t n, int64_t groups) {
    for (int64_t place = 0; place < groups * GROUP; place++) {
        const int code = NIBBLE + 1 + (place < n ? codes[place] : 0), in = place % 8;
        lines[place / 8 * LINE + lane * 4 + in % 4] |= (uint8_t)(in < 4 ? code : code << 4);
    }
}

INLINE void widen(Limit *limit, const int8_t *codes, int64_t n, double rest) {
    limit->size = fmaxf(limit->size, length_of(codes, n));
    limit->rest = fmaxf(limit->rest, rounded_up(rest));
}

/* ‖values − scale · codes‖ ÷ scale, from above. */
INLINE double missed(const float *values, const int8_t *codes, int64_t n, float scale) {
    double squares = 0;
    for (int64_t j = 0; j < n; j++) squares += (values[j] / (double)scale - codes[j]) * (values[j] / (double)scale - codes[j]);
    return sqrt(squares) * (1 + 0x1p-40) + 0x1p-20;
}

/* Write the codes of one row, finite or all 0; return its scale, and `rest` as `quantise` does. */
INLINE float coded(const float *row, int64_t n, double most, double range, int finite, int16_t *scratch, int8_t *codes,
                   double *rest) {
    memset(scratch, 0, (size_t)n * sizeof *scratch);
    *rest = INFINITY;
    const float scale = finite ? quantise(row, n, most, range, scratch, rest) : 1;
    for (int64_t j = 0; j < n; j++) codes[j] = (int8_t)scratch[j];
    return scale;
}

INLINE void quantise_with(const Matrix *m, const float *vectors, const float *bias, int64_t n, int16_t *scratch) {
    const int64_t dim = m->dim, leading = m->groups * GROUP < dim ? m->groups * GROUP : dim;
    int8_t *codes = m->codes;
    for (int64_t i = 0; i < n; i++, codes += dim, vectors += dim) {
        uint8_t *block = m->blocks + i / LANES * block_bytes(m->groups);
        Sides *sides = (Sides *)(block + code_bytes(m->groups));
        Limits *most = m->limits + i / LANES;
        const int64_t lane = i % LANES;
        const float own = bias ? bias[i] : 0;
        const int finite = largest(vectors, dim) <= FLT_MAX && fabsf(own) <= FLT_MAX;
        double rest;
        const float scale = coded(vectors, dim, FARTHEST, NIBBLE, finite, scratch, codes, &rest);
        sides->scale[lane] = scale;
        sides->bias[lane] = finite ? own : 0;
        m->tails[i] = finite ? rounded_up(length(vectors + leading, dim - leading) / scale * (1 + 0x1p-40)) : 0;
        widen(&most->all, codes, dim, rest);
        widen(&most->leading, codes, leading, finite ? missed(vectors, codes, leading, scale) : rest);
        put(block, lane, codes, leading, m->groups);
        put(m->deeper + i / LANES * code_bytes(m->more), lane, codes + leading, dim - leading, m->more);
        Row *row = m->rows + i;
        row->scale = coded(vectors, dim, 127, 127, finite, scratch, codes, &rest);
        row->rest = rounded_up(rest);
        row->bias = finite ? own : 0;
        row->size = length_of(codes, dim);
    }
}
