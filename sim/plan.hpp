// What a seed makes of a run: first which faults there are at all, then how strong. Most runs have
// few, so that each fault is also met alone.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "sim/link.hpp"
#include "sim/nat.hpp"
#include "sim/pair.hpp"

namespace esp_peer::sim {

enum class Ending : std::uint8_t { left_leaves, right_leaves, both_leave, right_dies, none };

struct Plan {
  std::uint64_t seed = 0;
  Ciphers cipher = Cipher::plain;
  LinkOptions there, back;
  std::optional<NatOptions> left_nat, right_nat;
  bool stun_server = false, two_addresses = false, ipv6 = false;
  bool both_offer = false;  // both are controlling
  bool trickle = false;     // candidates travel apart from their description
  bool duplicate_signals = false;
  bool auto_reconnect = true;
  bool attacker = false;
  bool slow_reader = false;
  bool closes_channels = false;
  std::optional<std::uint64_t> allocation_fails;  // the left peer's, so many from its connection on
  Duration lateness{0}, signalling_delay{0}, start_gap{0};
  std::size_t batch = 40;
  std::uint32_t send_buffer = 100'000, receive_buffer = 100'000;
  int channels = 0, messages = 0;  // of each side, beside the automatic one; of each channel
  std::size_t largest_message = 0;
  Duration workload_time{0};  // over which messages are spread
  Ending ending = Ending::left_leaves;

  // Nothing on the way is so bad that a peer may give up.
  bool must_connect() const;
  // Not through two boxes that give every remote end another port: those need a relay.
  bool can_connect() const;
  std::string text() const;
};

Plan draw_plan(std::uint64_t seed);

}  // namespace esp_peer::sim
