/* Products of codes, and which bounds reach: in plain C, with AVX2, with AVX-512.

   Owns what differs between processors. All of them are exact in int32, so that every processor finds the same. */

#pragma once

#include <string.h>

#include "layout.h"

/* Add Σ small codes · query of 16 rows to dots, exact in int32. */
typedef void (*Dots)(const uint8_t *codes, const int8_t *asked, int64_t groups, int32_t *dots);

INLINE void dots_plain(const uint8_t *codes, const int8_t *asked, int64_t groups, int32_t *dots) {
    for (int64_t line = 0; line < groups * GROUP / 8; line++, codes += LINE, asked += 8)
        for (int lane = 0; lane < LANES; lane++)
            for (int j = 0; j < 4; j++) {
                const uint8_t both = codes[lane * 4 + j];
                dots[lane] += (both & 15) * asked[j] + (both >> 4) * asked[4 + j];
            }
}

/* Σ codes · query of one row, exact in int32. */
typedef int32_t (*Dot)(const int8_t *row, const int16_t *query, int64_t dim);

INLINE int32_t dot_plain(const int8_t *row, const int16_t *query, int64_t dim) {
    int32_t sum = 0;
    for (int64_t j = 0; j < dim; j++) sum += row[j] * query[j];
    return sum;
}

/* Which of 16 bounds are at least `from`, as bits. */
typedef uint32_t (*Reach)(const float *high, float from);

INLINE uint32_t reach_plain(const float *high, float from) {
    uint32_t bits = 0;
    for (int lane = 0; lane < LANES; lane++) bits |= (uint32_t)(high[lane] >= from) << lane;
    return bits;
}

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,fma")))
#define VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")))

AVX2 INLINE __m256i avx2_asked(const int8_t *asked) {
    int32_t four;
    memcpy(&four, asked, sizeof four);
    return _mm256_set1_epi32(four);
}

/* Of eight lanes, a group at a time: sixteen products of codes at most 15 and 127 fit into 16 bits. */
AVX2 INLINE void half_avx2(const uint8_t *half, const int8_t *asked, int64_t groups, int32_t *dots) {
    const __m256i ones = _mm256_set1_epi16(1), low = _mm256_set1_epi8(15);
    __m256i all = _mm256_loadu_si256((const __m256i *)dots);
    for (int64_t g = 0; g < groups; g++) {
        __m256i sum = _mm256_setzero_si256();
        for (int line = 0; line < GROUP / 8; line++, half += LINE, asked += 8) {
            const __m256i both = _mm256_loadu_si256((const __m256i *)half), high = _mm256_srli_epi16(both, 4);
            sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(_mm256_and_si256(both, low), avx2_asked(asked)));
            sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(_mm256_and_si256(high, low), avx2_asked(asked + 4)));
        }
        all = _mm256_add_epi32(all, _mm256_madd_epi16(sum, ones));
    }
    _mm256_storeu_si256((__m256i *)dots, all);
}

AVX2 INLINE void dots_avx2(const uint8_t *codes, const int8_t *asked, int64_t groups, int32_t *dots) {
    half_avx2(codes, asked, groups, dots);
    half_avx2(codes + LINE / 2, asked, groups, dots + LANES / 2);
}

AVX2 INLINE int32_t dot_avx2(const int8_t *row, const int16_t *query, int64_t dim) {
    __m256i sum = _mm256_setzero_si256();
    int64_t j = 0;
    for (; j + 16 <= dim; j += 16) {
        const __m256i codes = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(row + j)));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(codes, _mm256_loadu_si256((const __m256i *)(query + j))));
    }
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xB1));
    return _mm_cvtsi128_si32(four) + dot_plain(row + j, query + j, dim - j);
}

AVX2 INLINE uint32_t reach_avx2(const float *high, float from) {
    const __m256 least = _mm256_set1_ps(from);
    const int first = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(high), least, _CMP_GE_OQ));
    return (uint32_t)(first | _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(high + 8), least, _CMP_GE_OQ)) << 8);
}

VNNI INLINE __m512i vnni_asked(const int8_t *asked) {
    int32_t four;
    memcpy(&four, asked, sizeof four);
    return _mm512_set1_epi32(four);
}

VNNI INLINE void dots_vnni(const uint8_t *codes, const int8_t *asked, int64_t groups, int32_t *dots) {
    const __m512i low = _mm512_set1_epi8(15);
    __m512i sums[4] = {_mm512_loadu_si512(dots)};
    for (int64_t g = 0; g < groups; g++)
        for (int line = 0; line < GROUP / 8; line++, codes += LINE, asked += 8) {
            const __m512i both = _mm512_loadu_si512(codes), high = _mm512_srli_epi16(both, 4);
            __m512i *sum = sums + 2 * (line & 1);
            sum[0] = _mm512_dpbusd_epi32(sum[0], _mm512_and_si512(both, low), vnni_asked(asked));
            sum[1] = _mm512_dpbusd_epi32(sum[1], _mm512_and_si512(high, low), vnni_asked(asked + 4));
        }
    _mm512_storeu_si512(dots, _mm512_add_epi32(_mm512_add_epi32(sums[0], sums[1]), _mm512_add_epi32(sums[2], sums[3])));
}

VNNI INLINE uint32_t reach_vnni(const float *high, float from) {
    return _mm512_cmp_ps_mask(_mm512_loadu_ps(high), _mm512_set1_ps(from), _CMP_GE_OQ);
}
#else
#define AVX2
#define VNNI
#endif
