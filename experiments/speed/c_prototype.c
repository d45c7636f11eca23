/* The program that the C header is compared with: weights by input row, four rows at a time, exponentials by a
   polynomial without a branch. H units, L layers, random weights; INT8 turns weights of int8 to floats in the loop. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#define V 65

static float B[L][4 * H], E[V][4 * H], K[H][V], KB[V], h[L][H], c[L][H];
#ifdef INT8
static int8_t W[L][H][4 * H], U[L][H][4 * H];
#define WEIGHT(x) (int8_t)lrintf((x) * 1270.0f)
#define INPUT(x) ((x) / 1270.0f)
#else
static float W[L][H][4 * H], U[L][H][4 * H];
#define WEIGHT(x) (x)
#define INPUT(x) (x)
#endif

static inline float exponential(float x)
{
    x = x > 87.0f ? 87.0f : x < -87.0f ? -87.0f : x;
    float t = x * 1.44269504088896341f, n = (float)(int)(t + (t < 0 ? -0.5f : 0.5f));
    float f = x - n * 0.693359375f - n * -2.12194440e-4f, p = 1.9875691500e-4f;
    p = p * f + 1.3981999507e-3f;
    p = p * f + 8.3334519073e-3f;
    p = p * f + 4.1665795894e-2f;
    p = p * f + 1.6666665459e-1f;
    p = p * f + 5.0000001201e-1f;
    p = p * f * f + f + 1.0f;
    union { int32_t i; float f; } u;
    u.i = ((int32_t)n + 127) << 23;
    return p * u.f;
}

static inline float sigmoid(float x) { return 1.0f / (1.0f + exponential(-x)); }
static inline float tangent(float x) { return 2.0f / (1.0f + exponential(-2.0f * x)) - 1.0f; }

#ifdef INT8
static void product(float *restrict z, const int8_t (*M)[4 * H], const float *x)
#else
static void product(float *restrict z, const float (*M)[4 * H], const float *x)
#endif
{
    for (int j = 0; j < H; j += 4) {
        float a = INPUT(x[j]), b = INPUT(x[j + 1]), d = INPUT(x[j + 2]), e = INPUT(x[j + 3]);
        for (int k = 0; k < 4 * H; k++)
            z[k] += a * M[j][k] + b * M[j + 1][k] + d * M[j + 2][k] + e * M[j + 3][k];
    }
}

static void step(int symbol, float *y)
{
    float z[4 * H];
    for (int l = 0; l < L; l++) {
        memcpy(z, l ? B[l] : E[symbol], sizeof z);
        if (l)
            product(z, (void *)W[l], h[l - 1]);
        product(z, (void *)U[l], h[l]);
        for (int k = 0; k < H; k++) {
            float i = sigmoid(z[k]), f = sigmoid(z[H + k]), g = tangent(z[2 * H + k]), o = sigmoid(z[3 * H + k]);
            c[l][k] = f * c[l][k] + i * g;
            h[l][k] = o * tangent(c[l][k]);
        }
    }
    memcpy(y, KB, sizeof KB);
    for (int j = 0; j < H; j++)
        for (int k = 0; k < V; k++)
            y[k] += h[L - 1][j] * K[j][k];
}

static float drawn(void) { return (rand() / (float)RAND_MAX - 0.5f) * 0.2f; }

void fill(void)
{
    srand(1);
    for (int k = 0; k < L * H * 4 * H; k++) {
        (&W[0][0][0])[k] = WEIGHT(drawn());
        (&U[0][0][0])[k] = WEIGHT(drawn());
    }
    for (int k = 0; k < V * 4 * H; k++)
        (&E[0][0])[k] = drawn();
    for (int k = 0; k < H * V; k++)
        (&K[0][0])[k] = drawn();
}

/* Returns the largest error of sigmoid and tanh, for every hundredth float up to 20. */
double error(void)
{
    double most = 0;
    for (int32_t bits = 0; bits < 0x41a00000; bits += 101) {
        float x;
        memcpy(&x, &bits, 4);
        most = fmax(most, fabs(sigmoid(x) - 1 / (1 + exp(-(double)x))));
        most = fmax(most, fabs(sigmoid(-x) - 1 / (1 + exp((double)x))));
        most = fmax(most, fabs(tangent(x) - tanh((double)x)));
    }
    return most;
}

void steps(void *state, const int *symbols, long size, long count, float *y)
{
    (void)state, (void)size;
    for (; count > 0; count--, symbols++, y += V)
        step(*symbols, y);
}
