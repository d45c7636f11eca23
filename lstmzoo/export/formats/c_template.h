/*
@COMMENT@
*/
#ifndef NAME_H
#define NAME_H

#include <math.h>
#include <string.h>

#ifdef __GNUC__ /* gcc, clang */
#define NAME_PART static inline __attribute__((always_inline, unused))
#define NAME_FUNCTION static __attribute__((unused))
#define NAME_TABLE static const __attribute__((aligned(64), unused))
#define NAME_LOCAL __attribute__((aligned(64)))
#define NAME_ALONE __restrict
#else
#define NAME_PART static inline
#define NAME_FUNCTION static
#define NAME_TABLE static const
#define NAME_LOCAL
#define NAME_ALONE
#endif

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 8 /* at -O2 too, or a panel would stand in memory */
#define NAME_UNROLLED _Pragma("GCC unroll 16")
#else
#define NAME_UNROLLED
#endif

/* Units, and what else is counted in fours, are padded with zeros, which stay zeros. */
@SIZES@

struct NAME_state {
    float h[NAME_UNITS]; /* of all layers, from the input up */
    float c[NAME_UNITS];
};

typedef char NAME_int_has_32_bits[sizeof(int) >= 4 ? 1 : -1];

@TABLES@

NAME_PART float NAME_clamp(float x, float most)
{
    return x > most ? most : x < -most ? -most : x;
}

/* tanh to 4e-7 from -9 to 9, beyond which it is that of the end: an odd rational function without a branch, and without a
   constant that -ffast-math could break. */
NAME_PART float NAME_tanh(float x)
{
    float s = x * x, p, q;
    p = 3.48657870e-3f + s * (2.04717760e-5f + s * 1.31841455e-8f);
    p = 9.99999906e-1f + s * (1.33731951e-1f + s * p);
    q = 2.58419672e-2f + s * (3.27138008e-4f + s * 7.70263198e-7f);
    q = 1.0f + s * (4.67064919e-1f + s * q);
    return x * p / q;
}

@PRODUCT@

/* The gate of a number from -@MOST@ to @MOST@, beyond which it is that of the end. */
NAME_PART float NAME_gate(float x)
{
    return @GATE@;
}

/* A layer's next h and c from the sums of its gates i, f, g, o, `units` of each; the sums are overwritten. Loops end
   with NAME_clamp: gcc does not vectorise one that goes on after a choice. */
NAME_PART void NAME_cell(float *NAME_ALONE sums, float *NAME_ALONE h, float *NAME_ALONE c, int units)
{
    float *i = sums, *f = i + units, *g = f + units, *o = g + units;
    int k;
    for (k = 0; k < units; k++) {
        i[k] = NAME_clamp(i[k], @MOST@);
        f[k] = NAME_clamp(f[k], @MOST@);
        g[k] = NAME_clamp(g[k], 9.0f);
        o[k] = NAME_clamp(o[k], @MOST@);
    }
    for (k = 0; k < units; k++) {
        c[k] = NAME_gate(f[k]) * c[k] + NAME_gate(i[k]) * NAME_tanh(g[k]);
        g[k] = NAME_clamp(c[k], 9.0f);
    }
    for (k = 0; k < units; k++)
        h[k] = NAME_gate(o[k]) * NAME_tanh(g[k]);
}

NAME_FUNCTION void NAME_reset(struct NAME_state *state)
{
    memset(state, 0, sizeof *state);
}

@STEP@

/* A state as bytes: a mark with the version, the digest of the model, the numbers, a checksum; on all machines alike. */
enum { NAME_NUMBERS = 2 * NAME_UNITS, NAME_STATE_BYTES = 4 + 32 + 4 * NAME_NUMBERS + 4 };
NAME_TABLE unsigned char NAME_mark[36] = {
    'L', 'S', 'T', 1,
    @DIGEST@
};

NAME_FUNCTION void NAME_put(unsigned long number, unsigned char *bytes)
{
    int k;
    for (k = 0; k < 4; k++)
        bytes[k] = (unsigned char)(number >> (8 * k) & 255);
}

NAME_FUNCTION unsigned long NAME_checksum(const unsigned char *bytes, long count)
{
    unsigned long sum = 2166136261UL; /* FNV-1a */
    long k;
    for (k = 0; k < count; k++)
        sum = ((sum ^ bytes[k]) * 16777619UL) & 0xffffffffUL;
    return sum;
}

NAME_FUNCTION void NAME_save(const struct NAME_state *state, unsigned char bytes[NAME_STATE_BYTES])
{
    unsigned int number;
    int k;
    memcpy(bytes, NAME_mark, 36);
    for (k = 0; k < NAME_NUMBERS; k++) {
        memcpy(&number, k < NAME_UNITS ? state->h + k : state->c + (k - NAME_UNITS), 4);
        NAME_put(number, bytes + 36 + 4 * k);
    }
    NAME_put(NAME_checksum(bytes, NAME_STATE_BYTES - 4), bytes + NAME_STATE_BYTES - 4);
}

/* Returns 0; or -1 for what NAME_save did not write for this model, and then leaves the state as it was. */
NAME_FUNCTION int NAME_load(struct NAME_state *state, const unsigned char bytes[NAME_STATE_BYTES])
{
    unsigned char sum[4];
    unsigned int number;
    int k;
    NAME_put(NAME_checksum(bytes, NAME_STATE_BYTES - 4), sum);
    if (memcmp(bytes, NAME_mark, 36) != 0 || memcmp(bytes + NAME_STATE_BYTES - 4, sum, 4) != 0)
        return -1;
    for (k = 0; k < NAME_NUMBERS; k++) {
        const unsigned char *four = bytes + 36 + 4 * k;
        number = four[0] | (unsigned int)four[1] << 8 | (unsigned int)four[2] << 16 | (unsigned int)four[3] << 24;
        memcpy(k < NAME_UNITS ? state->h + k : state->c + (k - NAME_UNITS), &number, 4);
    }
    return 0;
}

@DRAW@
@VOCABULARY@
#ifdef NAME_TEST /* a program that compares 200 steps with what NumPy computed: gcc -x c -D NAME_TEST FILE -lm */
#include <stdio.h>

@TEST_TABLES@

int main(void)
{
    struct NAME_state state;
    unsigned char bytes[NAME_STATE_BYTES];
    float outputs[NAME_OUTPUTS];
    double largest = 0;
    int t, k, i = 0;
    NAME_reset(&state);
    for (t = 0; t < NAME_TEST_STEPS; t++) {
        NAME_step(&state, NAME_test_inputs@TEST_INPUT@, outputs);
        for (k = t % NAME_TEST_STRIDE; k < NAME_OUTPUTS; k += NAME_TEST_STRIDE) {
            double difference = fabs((double)outputs[k] - (double)NAME_test_outputs[i++])@TEST_SCALE@;
            if (!(difference <= largest))
                largest = difference < 1e30 ? difference : 1e30;
        }
        NAME_save(&state, bytes); /* the state goes on from its bytes */
        NAME_reset(&state);
        if (NAME_load(&state, bytes) != 0)
            largest = 1e30;
    }
    largest /= NAME_TEST_UNIT;
    printf("largest difference %.2g over %d steps, in units of %g@TEST_OF@; bound %g\n", largest, t,
           NAME_TEST_UNIT + 0.0, NAME_TEST_BOUND);
    return !(largest <= NAME_TEST_BOUND);
}
#endif
#endif
