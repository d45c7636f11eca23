// One LSTM layer over a window, forward and back, for the CPU at hand: the time steps of the kernel `native`.
//
// H (units), NUMBER (float or double), HARD (1: hard sigmoid), MASKED (1: recurrent dropout) and NAME are given when it
// is compiled; T and B come with a call, as the text "T B". Arrays and gates are those of `kernels.py`.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "xla/service/custom_call_target_registry.h"

namespace {

typedef NUMBER number;
constexpr int LANES = 8;                     // side by side, since each product waits for the one before it
constexpr int WIDTH = 4 * H > 32 ? 16 : 8;   // numbers in a vector
typedef number block __attribute__((vector_size(WIDTH * sizeof(number))));

constexpr int padded(int n) { return (n + WIDTH - 1) / WIDTH * WIDTH; }

inline float power(float x) {  // e^x to 1e-7 of itself (Cephes's expf), and without a branch
  x = x > 88.f ? 88.f : x < -87.f ? -87.f : x;
  float n = __builtin_rintf(x * 1.44269504f);
  float f = x - n * 0.693359375f + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * f + 1.3981999507e-3f;
  p = p * f + 8.3334519073e-3f;
  p = p * f + 4.1665795894e-2f;
  p = p * f + 1.6666665459e-1f;
  p = p * f + 5.0000001201e-1f;
  uint32_t bits = (static_cast<uint32_t>(static_cast<int32_t>(n)) + 127u) << 23;
  float scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return (p * f * f + f + 1.f) * scale;
}
inline double power(double x) { return std::exp(x); }

inline number squash(number x) { return 1 - 2 / (1 + power(2 * x)); }  // tanh
inline number gate(number x) {
  number hard = number(0.2) * x + number(0.5);
  return HARD ? (hard < 0 ? 0 : hard > 1 ? 1 : hard) : 1 / (1 + power(-x));
}
inline number slope(number y) { return HARD ? (y > 0 && y < 1 ? number(0.2) : 0) : y * (1 - y); }

// Computes out [LANES, N] = a [LANES, M] times w [M, N]; rows of out and w are padded to whole vectors.
template <int M, int N>
inline void multiply(const number (*a)[M], const number* w, number (*out)[padded(N)]) {
  for (int k = 0; k < padded(N); k += WIDTH) {
    block sum[LANES] = {};
    for (int j = 0; j < M; j++) {
      block row;
      std::memcpy(&row, w + j * padded(N) + k, sizeof row);
#pragma GCC unroll 8
      for (int lane = 0; lane < LANES; lane++) sum[lane] += a[lane][j] * row;
    }
#pragma GCC unroll 8
    for (int lane = 0; lane < LANES; lane++) std::memcpy(out[lane] + k, &sum[lane], sizeof sum[lane]);
  }
}

// Multiplies lanes of h, or of its gradient, by their factors [B, H]; where none are given nothing is compiled.
template <int N>
inline void drop(number (*h)[N], const number* factors, int lanes) {
  for (int lane = 0; lane < lanes; lane++)
    for (int k = 0; k < H; k++) h[lane][k] *= factors[lane * H + k];
}

// (z [T, B, 4H], u [H, 4H], h, c, factors of h if MASKED [B, H]) -> (hs, cs [T, B, H], gates i, f, g, o [T, B, 4H])
void forward(void** out, const void** in, const char* sizes, size_t, void*) {
  const number *z = (const number*)in[0], *u = (const number*)in[1];
  const number *h0 = (const number*)in[2], *c0 = (const number*)in[3];
  number *hs = (number*)out[0], *cs = (number*)out[1], *gates = (number*)out[2];
  int T = 0, B = 0;
  std::sscanf(sizes, "%d %d", &T, &B);
  std::vector<number> w(H * padded(4 * H));
  for (int j = 0; j < H; j++) std::memcpy(&w[j * padded(4 * H)], u + j * 4 * H, 4 * H * sizeof(number));
  for (int first = 0; first < B; first += LANES) {
    const int lanes = B - first < LANES ? B - first : LANES;
    number h[LANES][H] = {}, c[LANES][H] = {}, sums[LANES][padded(4 * H)];
    std::memcpy(h, h0 + first * H, lanes * sizeof h[0]);
    std::memcpy(c, c0 + first * H, lanes * sizeof c[0]);
    for (int t = 0; t < T; t++) {
      if (MASKED) drop(h, (const number*)in[4] + first * H, lanes);  // h is whole in hs
      multiply<H, 4 * H>(h, w.data(), sums);
      for (int lane = 0; lane < lanes; lane++) {
        const ptrdiff_t at = ptrdiff_t(t) * B + first + lane;
        const number *x = z + at * 4 * H, *s = sums[lane];
        number* y = gates + at * 4 * H;
        for (int k = 0; k < H; k++) {
          number i = gate(x[k] + s[k]), f = gate(x[H + k] + s[H + k]);
          number g = squash(x[2 * H + k] + s[2 * H + k]), o = gate(x[3 * H + k] + s[3 * H + k]);
          y[k] = i, y[H + k] = f, y[2 * H + k] = g, y[3 * H + k] = o;
          c[lane][k] = f * c[lane][k] + i * g;
          h[lane][k] = o * squash(c[lane][k]);
        }
        std::memcpy(hs + at * H, h[lane], sizeof h[0]);
        std::memcpy(cs + at * H, c[lane], sizeof c[0]);
      }
    }
  }
}

// (gates [T, B, 4H], cs [T, B, H], u [H, 4H], gradient by hs [T, B, H], c, factors [B, H]) -> gradient by z [T, B, 4H]
void backward(void* out, const void** in, const char* sizes, size_t, void*) {
  const number *gates = (const number*)in[0], *cs = (const number*)in[1], *u = (const number*)in[2];
  const number *dhs = (const number*)in[3], *c0 = (const number*)in[4];
  number* found = (number*)out;  // where there is one result it is given as it is
  int T = 0, B = 0;
  std::sscanf(sizes, "%d %d", &T, &B);
  std::vector<number> across(4 * H * padded(H));
  for (int j = 0; j < H; j++)
    for (int k = 0; k < 4 * H; k++) across[k * padded(H) + j] = u[j * 4 * H + k];
  for (int first = 0; first < B; first += LANES) {
    const int lanes = B - first < LANES ? B - first : LANES;
    number dh[LANES][padded(H)] = {}, dc[LANES][H] = {}, dz[LANES][4 * H] = {};
    for (int t = T - 1; t >= 0; t--) {
      for (int lane = 0; lane < lanes; lane++) {
        const ptrdiff_t at = ptrdiff_t(t) * B + first + lane;
        const number *y = gates + at * 4 * H, *c = cs + at * H, *d = dhs + at * H;
        const number* before = t ? c - B * H : c0 + (first + lane) * H;
        for (int k = 0; k < H; k++) {
          number i = y[k], f = y[H + k], g = y[2 * H + k], o = y[3 * H + k], s = squash(c[k]);
          number by_h = dh[lane][k] + d[k], by_c = dc[lane][k] + by_h * o * (1 - s * s);
          dz[lane][k] = by_c * g * slope(i);
          dz[lane][H + k] = by_c * before[k] * slope(f);
          dz[lane][2 * H + k] = by_c * i * (1 - g * g);
          dz[lane][3 * H + k] = by_h * s * slope(o);
          dc[lane][k] = by_c * f;
        }
        std::memcpy(found + at * 4 * H, dz[lane], sizeof dz[0]);
      }
      multiply<4 * H, H>(dz, across.data(), dh);
      if (MASKED) drop(dh, (const number*)in[5] + first * H, lanes);
    }
  }
}

}  // namespace

XLA_CPU_REGISTER_CUSTOM_CALL_TARGET_WITH_SYM(NAME "_forward", forward);
XLA_CPU_REGISTER_CUSTOM_CALL_TARGET_WITH_SYM(NAME "_backward", backward);
