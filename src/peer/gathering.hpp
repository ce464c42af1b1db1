// When our own candidates are complete: every server has answered or failed, or time is up.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/state_hash.hpp"
#include "peer/outbox.hpp"
#include "peer/relays.hpp"
#include "peer/secure_path.hpp"
#include "peer/server.hpp"
#include "peer/session_types.hpp"

namespace esp_peer::peer {

class Gathering {
 public:
  // `servers` are the owner's, who says when they have changed.
  // `relay_only`: nothing but relayed addresses is looked for, and the first one is waited for
  // longer.
  Gathering(Duration timeout, bool relay_only, const Servers& servers, SecurePath& path,
            Relays& relays, Outbox& outbox, Memory& memory);

  // Once more, for the path's new agent: on_sockets() comes again.
  void restart();

  // There are other servers, for the next restart.
  void change_servers();
  // The same; they are asked at once when the sockets are there.
  void change_servers(Instant now);
  void on_sockets(Instant now, std::span<const Address> sockets);
  void on_resolved(Instant now, std::uint32_t id, std::span<const Address> addresses);
  // True once: the time is up, whoever has not answered.
  bool on_deadline(Instant now);

  std::optional<Instant> next_deadline() const { return done() ? std::nullopt : deadline_; }
  bool begun() const { return has_sockets_; }
  bool done() const;      // the description may be written
  bool complete() const;  // nothing more will come
  std::string_view server_name(std::uint32_t id) const;
  void hash_state(StateHash& hash) const;

 private:
  static constexpr std::size_t max_addresses_per_server = 4;
  static constexpr std::size_t max_sockets = 8;  // that relays are asked from
  static constexpr Duration relay_patience = seconds(10);

  void ask(Instant now);
  void ask(Instant now, const Server& server, const Address& address);
  std::uint32_t id_of(std::size_t index) const;
  std::optional<std::size_t> index_of(std::uint32_t id) const;

  Duration timeout_;
  const Servers& servers_;
  SecurePath& path_;
  Relays& relays_;
  Outbox& outbox_;
  Vector<Address> sockets_;  // at most max_sockets
  bool relay_only_;
  std::optional<Instant> deadline_;
  std::uint32_t generation_ = 0;  // of servers_, so that a late answer for old ones is known
  std::uint32_t unresolved_ = 0;  // a bit each
  bool has_sockets_ = false, time_is_up_ = false;
  bool first_will_do_ = false;  // of relays: the time for all of them is up
};

}  // namespace esp_peer::peer
