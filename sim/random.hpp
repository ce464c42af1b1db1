// Repeatable chance: one stream for each concern, so that a draw more in one shifts no other.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/env.hpp"
#include "base/time.hpp"

namespace esp_peer::sim {

// xoshiro256**, of Blackman and Vigna: small, fast, and the same on every machine, which the
// distributions of <random> are not.
class Rng {
 public:
  explicit Rng(std::uint64_t seed, std::string_view concern = "") {
    for (const char c : concern) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
    for (std::uint64_t& word : state_) word = split_mix(seed);
  }

  std::uint64_t next() {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }
  // 0 … n − 1; the bias of the remainder is no matter here.
  std::uint64_t below(std::uint64_t n) { return n == 0 ? 0 : next() % n; }
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }
  double fraction() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  bool chance(double p) { return p > 0 && fraction() < p; }
  Duration up_to(Duration most) { return Duration(between(0, most.count())); }
  void fill(MutableBytes out) {
    for (std::byte& b : out) b = static_cast<std::byte>(next() >> 56);
  }

 private:
  static std::uint64_t rotate(std::uint64_t x, int by) { return x << by | x >> (64 - by); }
  static std::uint64_t split_mix(std::uint64_t& state) {
    std::uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  std::uint64_t state_[4]{};
};

// What a peer of the simulation takes for its source of chance. Good for nothing else.
class SimRandom final : public Random {
 public:
  explicit SimRandom(Rng rng) : rng_(rng) {}
  void fill_public(MutableBytes out) override { rng_.fill(out); }
  void fill_secret(MutableBytes out) override { rng_.fill(out); }

 private:
  Rng rng_;
};

}  // namespace esp_peer::sim
