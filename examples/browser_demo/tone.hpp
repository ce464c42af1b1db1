// A tone of 400 Hz in G.711 µ-law: eight waves fill a frame, so that every frame is the same.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <numbers>

constexpr int tone_frame_ms = 20;
using ToneFrame = std::array<std::uint8_t, 160>;  // 8000 samples a second

// Sign, exponent and mantissa of a sample of 16 bits, all inverted.
inline std::uint8_t mu_law(int sample) {
  constexpr int bias = 132, largest = 32635;
  const int magnitude = std::min(std::abs(sample), largest) + bias;
  const auto exponent = static_cast<int>(std::bit_width(static_cast<unsigned>(magnitude))) - 8;
  const int mantissa = magnitude >> (exponent + 3) & 0x0F;
  return static_cast<std::uint8_t>(~((sample < 0 ? 0x80 : 0) | exponent << 4 | mantissa));
}

inline ToneFrame make_tone() {
  ToneFrame frame{};
  for (std::size_t i = 0; i < frame.size(); ++i) {
    const double angle = 2 * std::numbers::pi * 8 * static_cast<double>(i) / frame.size();
    frame[i] = mu_law(static_cast<int>(6000 * std::sin(angle)));
  }
  return frame;
}
