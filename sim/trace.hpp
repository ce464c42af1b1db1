// What happened, as one number that two equal runs share, and in words when somebody asks.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/state_hash.hpp"
#include "base/time.hpp"

namespace esp_peer::sim {

std::string text_of(const Address& address);  // "192.0.2.1:5000"

class Trace {
 public:
  void keep_text() { wanted_ = true; }

  // A datagram that left or arrived, as `who` sees it.
  void datagram(Instant at, std::string_view who, std::string_view what, const Address& from,
                const Address& to, Bytes bytes);
  void note(Instant at, std::string_view who, std::string_view what, std::string_view more = "");

  bool wanted() const { return wanted_; }
  std::uint64_t hash() const { return hash_.value(); }
  const std::string& text() const { return text_; }

 private:
  void begin_line(Instant at, std::string_view who, std::string_view what);

  StateHash hash_;
  bool wanted_ = false;
  std::string text_;
};

}  // namespace esp_peer::sim
