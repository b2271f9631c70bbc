/* How a quantised matrix lies in memory. Owns no arithmetic but sizes. */

#pragma once

#include <stdint.h>

#define LANES 16 /* items per block */
#define GROUP 32 /* dimensions per group: four times a 32-bit lane, half a byte each */
#define LINE 64  /* bytes of eight dimensions of a block's rows */
#define INLINE static inline __attribute__((always_inline))

/* What is known of one row besides its codes: ‖codes‖, and ‖row − scale · codes‖ ÷ scale. */
typedef struct {
    float scale, bias, size, rest;
} Row;

/* A row whose score lies in low … high. */
typedef struct {
    int32_t row;
    float low, high;
} Found;

/* Of a block's 16 rows, beside their small codes. */
typedef struct {
    float scale[LANES], bias[LANES];
} Sides;

/* The largest of a block's 16 rows, of what leads and of all: ‖small codes‖, and ‖row − scale · small codes‖ ÷ scale. */
typedef struct {
    float size, rest;
} Limit;
typedef struct {
    Limit leading, all;
} Limits;

/* Small codes are 8 higher where they lie, two to a byte: [groups][4][16][4] of a block's 16 rows. */
typedef struct {
    uint8_t *blocks;     /* [ceil(n / 16)] of the codes that lead, then Sides of 16 rows */
    uint8_t *deeper;     /* [ceil(n / 16)] of the other codes */
    float *tails;        /* [ceil(n / 16)][16] ‖what does not lead‖ ÷ scale */
    Limits *limits;      /* [ceil(n / 16)] */
    int8_t *codes;       /* [n][dim] */
    Row *rows;           /* [n] */
    const float *spread; /* [dim] the mean square of each turned dimension */
    int64_t n, groups, more, dim;
    double turn; /* |row · vector − turned row · turned vector| ≤ turn ‖turned row‖ ‖vector‖ */
} Matrix;

/* `small` are coarse codes of what leads, or of everything if `all`; `codes` fine ones of everything; `moved` is 8 × the
   sum of the small ones: what the + 8 of a row's adds to a product. Those in float32 have room for their rounding. */
typedef struct {
    const int8_t *small;  /* [32 * (groups + more)] */
    const int16_t *codes; /* [dim] */
    int32_t moved, all;
    float small_scale, small_rest, head, tail;
    double scale, rest, length;
} Query;

INLINE int64_t code_bytes(int64_t groups) { return groups * LANES * GROUP / 2; }
INLINE int64_t block_bytes(int64_t groups) { return code_bytes(groups) + (int64_t)sizeof(Sides); }
INLINE int64_t blocks_of(int64_t n) { return (n + LANES - 1) / LANES; }
