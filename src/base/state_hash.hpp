// A number that stands for all of a machine's state but its drop counters: two equal ones around a
// hostile datagram show that it changed nothing.
#pragma once
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/time.hpp"

namespace esp_peer {

class StateHash {
 public:
  void add(Bytes bytes);
  void add(std::string_view text) { add(as_bytes(text)); }
  template <class T>
  requires std::is_integral_v<T> || std::is_enum_v<T>
  void add(T value) { mix(static_cast<std::uint64_t>(value)); }
  void add(Instant at) { mix(static_cast<std::uint64_t>(at.time_since_epoch().count())); }
  void add(Duration d) { mix(static_cast<std::uint64_t>(d.count())); }
  void add(const Address& a) {
    add(std::as_bytes(std::span(a.ip)));
    add(a.port);
  }
  std::uint64_t value() const { return value_; }

 private:
  void mix(std::uint64_t v);
  std::uint64_t value_ = 0xCBF29CE484222325u;
};

}  // namespace esp_peer
