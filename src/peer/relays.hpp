// Our addresses on TURN servers. To ICE each is a local address like a socket's; here what leaves
// from it is wrapped for its server, and what comes from there unwrapped.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/containers.hpp"
#include "base/memory.hpp"
#include "base/timer_table.hpp"
#include "base/tx_batch.hpp"
#include "ice/candidate.hpp"
#include "turn/client.hpp"

namespace esp_peer::peer {

class Relays {
 public:
  static constexpr std::size_t max_relays = 8;  // further ones are not asked for
  // Addresses in a connection's life, those included that servers have taken back: nothing is sent
  // as if from a socket of ours. Further ones are not used.
  static constexpr std::size_t max_relayed = 16;
  // Datagrams that wait for the server to let their peer through; further ones are dropped, for
  // ICE sends its checks again.
  static constexpr std::size_t max_held = 8;
  static constexpr Duration held_lifetime = seconds(2);
  // For a request. One with the longest names and nonces there may be does not fit, and is as good
  // as lost where only this is lent.
  static constexpr std::size_t request_room = 1232;

  struct Found {
    Address relayed, server;
  };
  // What a datagram is for: an address that carries data is worth a channel.
  enum class Use : std::uint8_t { check, data };
  enum class Came : std::uint8_t { elsewhere, from_server, from_peer };

  Relays(crypto::Provider& crypto, Env env)
      : crypto_(crypto), env_(env), relays_(env.memory), relayed_(env.memory), held_(env.memory) {}

  // From this socket; once, unless it has failed before.
  void ask(Instant now, const Address& socket, const Address& server, std::string_view username,
           std::string_view password);
  // For a new ICE agent: those that there are already are found once more.
  void find_again();
  void close(Instant now);

  // What a peer has sent to a relayed address becomes that, as if its socket were here.
  Came on_datagram(Instant now, Route& route, MutableBytes& datagram);
  void on_deadline(Instant now);

  // The first n bytes of out.room() are a datagram for this route, ours or a relayed one; behind
  // them is room for what is put around it.
  void commit(Instant now, TxBatch& out, const Route& route, std::size_t n, Use use);
  // Requests to servers, and what had to wait.
  void poll_transmit(Instant now, TxBatch& out);
  // `ours`: the candidates of ICE. A server that gives us an address we send from already would get
  // what leaves there; it gets its allocation back.
  std::optional<Found> poll_found(Instant now, std::span<const ice::Candidate> ours);

  std::optional<Instant> next_deadline() const;
  bool any() const;      // a server has given an address
  bool busy() const;     // a server has neither given an address nor refused
  bool refused() const;  // a server does not know us, or does not want us
  void hash_state(StateHash& hash) const;

 private:
  struct Relay {
    Address socket;
    Owned<turn::Client> client;
    std::uint8_t told = 0;  // a bit for each family that poll_found() has given out
  };
  struct Held {
    Route route;
    Instant since;
    Buffer datagram;
  };

  Relay* find(const Address& relayed);
  bool is_relayed(const Address& local) const;
  bool is_another(const Relay& relay, const Address& relayed,
                  std::span<const ice::Candidate> ours) const;
  void hold(Instant now, const Route& route, Bytes datagram);
  void drop(Instant now, const char* why, std::size_t size) const;

  crypto::Provider& crypto_;
  Env env_;
  Vector<Relay> relays_;     // at most max_relays
  Vector<Address> relayed_;  // at most max_relayed: whatever poll_found() has given out, ever
  Vector<Held> held_;        // at most max_held
};

}  // namespace esp_peer::peer
