// Asks STUN servers how they see us [rfc8445#5.1.1.2, rfc8489#6.2].
#pragma once
#include <cstdint>
#include <optional>

#include "base/containers.hpp"
#include "base/env.hpp"
#include "base/state_hash.hpp"
#include "stun/message.hpp"

namespace esp_peer::ice {

class Gatherer {
 public:
  struct Mapping {
    Address base, mapped, server;
  };
  static constexpr std::size_t max_requests = 64;  // servers × bases; further ones are not asked

  Gatherer(Memory& memory, Random& random) : random_(random), requests_(memory) {}

  void ask(Instant now, const Address& base, const Address& server);
  // What the server says, if this is the answer to a request of ours.
  std::optional<Mapping> on_response(const Route& route, const stun::Message& response);
  // Gives up on servers that have not answered the last try.
  void on_deadline(Instant now);

  bool due(Instant now) const;
  // Writes the request that is due the longest.
  std::size_t write_request(Instant now, MutableBytes out, Route& to);

  bool busy() const { return !requests_.empty(); }
  std::optional<Instant> next_request_at() const;
  std::optional<Instant> next_deadline() const;  // of giving up
  void hash_state(StateHash& hash) const;

 private:
  // [rfc8489#6.2.1] RTO 500 ms, doubling, seven tries, and 16 × RTO after the last one.
  static constexpr Duration first_rto = milliseconds(500);
  static constexpr std::uint8_t max_tries = 7;
  static constexpr Duration last_wait = 16 * first_rto;

  struct Request {
    Route route;
    stun::TransactionId id;
    Instant next;
    Duration rto;
    std::uint8_t tries;
  };
  Random& random_;
  Vector<Request> requests_;  // at most max_requests
};

}  // namespace esp_peer::ice
