/* BLAKE2b of many texts, 16 bytes each (RFC 7693, without a key).

   Owns arithmetic on arrays that the caller checked. Allocates nothing, keeps nothing, knows no Python. */

#include <stdint.h>
#include <string.h>

#define BLOCK 128
#define DIGEST 16
#define ROUNDS 12

/* The first 64 bits after the point of the square roots of the first eight primes. */
static const uint64_t START[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

/* Which word of the block each step of a round takes; rounds 10 and 11 are 0 and 1 again. */
static const uint8_t ORDER[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static inline uint64_t turned(uint64_t word, int by) { return (word >> by) | (word << (64 - by)); }

static inline uint64_t word_at(const uint8_t *at) {
    uint64_t word = 0;
    for (int byte = 0; byte < 8; byte++) word |= (uint64_t)at[byte] << (8 * byte);
    return word;
}

#define MIX(a, b, c, d, x, y)           \
    v[a] += v[b] + (x);                 \
    v[d] = turned(v[d] ^ v[a], 32);     \
    v[c] += v[d];                       \
    v[b] = turned(v[b] ^ v[c], 24);     \
    v[a] += v[b] + (y);                 \
    v[d] = turned(v[d] ^ v[a], 16);     \
    v[c] += v[d];                       \
    v[b] = turned(v[b] ^ v[c], 63)

static void compress(uint64_t h[8], const uint8_t block[BLOCK], uint64_t taken, int last) {
    uint64_t v[16], m[16];
    for (int i = 0; i < 16; i++) m[i] = word_at(block + 8 * i);
    for (int i = 0; i < 8; i++) v[i] = h[i], v[i + 8] = START[i];
    v[12] ^= taken;
    if (last) v[14] = ~v[14];
#pragma GCC unroll 12
    for (int round = 0; round < ROUNDS; round++) {
        const uint8_t *s = ORDER[round % 10];
        MIX(0, 4, 8, 12, m[s[0]], m[s[1]]);
        MIX(1, 5, 9, 13, m[s[2]], m[s[3]]);
        MIX(2, 6, 10, 14, m[s[4]], m[s[5]]);
        MIX(3, 7, 11, 15, m[s[6]], m[s[7]]);
        MIX(0, 5, 10, 15, m[s[8]], m[s[9]]);
        MIX(1, 6, 11, 12, m[s[10]], m[s[11]]);
        MIX(2, 7, 8, 13, m[s[12]], m[s[13]]);
        MIX(3, 4, 9, 14, m[s[14]], m[s[15]]);
    }
    for (int i = 0; i < 8; i++) h[i] ^= v[i] ^ v[i + 8];
}

static void hash(const uint8_t *text, int64_t size, uint8_t out[DIGEST]) {
    uint64_t h[8];
    memcpy(h, START, sizeof h);
    h[0] ^= 0x01010000 ^ DIGEST;
    int64_t done = 0;
    for (; size - done > BLOCK; done += BLOCK) compress(h, text + done, (uint64_t)(done + BLOCK), 0);
    uint8_t rest[BLOCK] = {0};
    memcpy(rest, text + done, (size_t)(size - done));
    compress(h, rest, (uint64_t)size, 1);
    for (int byte = 0; byte < DIGEST; byte++) out[byte] = (uint8_t)(h[byte / 8] >> (8 * (byte % 8)));
}

/* Hash n texts that follow one another in `data`; text i ends before `ends[i]`. `out` is uint8 [n, 16]. */
void cf_blake2b(const uint8_t *data, const int64_t *ends, int64_t n, uint8_t *out) {
    int64_t start = 0;
    for (int64_t i = 0; i < n; i++) {
        hash(data + start, ends[i] - start, out + DIGEST * i);
        start = ends[i];
    }
}
