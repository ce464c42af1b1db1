// Asks STUN servers how they see our sockets, and keeps the bindings alive [rfc8445#5.1.1.2,
// #5.1.1.4].
#pragma once
#include <cstdint>
#include <optional>

#include "base/env.hpp"
#include "base/result.hpp"
#include "base/state_hash.hpp"
#include "base/timer_table.hpp"
#include "stun/transaction.hpp"

namespace esp_peer::ice {

class Gatherer {
 public:
  // How a server saw one of our sockets.
  struct Mapping {
    Address base, mapped, server;
  };
  static constexpr std::size_t max_servers = 32;   // addresses; further ones are refused
  static constexpr std::size_t max_requests = 64;  // sockets × servers; further ones are not asked
  static constexpr Duration refresh = seconds(15);

  explicit Gatherer(Memory& memory) : servers_(memory), requests_(memory) {}

  Status add_server(const Address& server);
  void ask(const Address& base, const Address& server);
  void ask_all(const Address& base);
  // Begins the next request, if one waits: this takes a slot of the agent's pacing.
  bool begin_next(Instant now, Duration pacing, Random& random);
  void stop();

  // Nothing when it is no answer to a request of ours, or no success. Nobody signs it: whoever
  // knows the id and the addresses is believed.
  std::optional<Mapping> on_response(Instant now, const Route& route,
                                     const stun::Message& response);
  void on_deadline(Instant now);

  std::size_t write_request(MutableBytes out, Route& to);

  bool busy() const;  // a server has neither answered nor failed
  bool owns(const Route& route, const stun::TransactionId& id) const;
  std::optional<Instant> next_deadline() const;
  void hash_state(StateHash& hash) const;

 private:
  struct Request {
    enum class State : std::uint8_t { waiting, running, resting, over };
    Route route;  // from the socket to the server
    State state = State::waiting;
    bool settled = false;   // answered or failed once
    bool to_write = false;  // waits for write_request()
    stun::TransactionId id{};
    stun::Retransmission timer;
    Instant next_refresh{};
  };

  const Request* find(const Route& route, const stun::TransactionId& id) const;

  Vector<Address> servers_;   // at most max_servers
  Vector<Request> requests_;  // at most max_requests
};

}  // namespace esp_peer::ice
