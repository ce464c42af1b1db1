// The life of one handle: attempts to connect, losses and reconnects, each attempt with fresh
// credentials. Sans-I/O: a runner (or the simulator) opens the sockets, resolves the names, carries
// the datagrams and says what time it is.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "base/address.hpp"
#include "base/env.hpp"
#include "base/result.hpp"
#include "base/state_hash.hpp"
#include "base/timer_table.hpp"
#include "base/tx_batch.hpp"
#include "crypto/provider.hpp"
#include "datachannel/channels.hpp"
#include "dtls/endpoint.hpp"
#include "ice/agent.hpp"

namespace esp_peer::peer {

// In the order of esp_peer_state_t, so that the C facade casts.
enum class State : std::uint8_t {
  closed,
  disconnected,
  new_connection,
  gathering,
  pairing,
  paired,
  connecting,
  connected,
  connect_failed,
  data_connected,
  data_opened,
  data_closed,
  data_disconnected,
};

// Where identities come from: a cache, or a new one each time.
class IdentitySource {
 public:
  // One reference held for the caller; nullptr when the library fails.
  virtual dtls::Identity* identity() = 0;

 protected:
  ~IdentitySource() = default;
};

// An ICE server by name or address. Relays come with TURN.
struct Server {
  FixedString<255> host;
  std::uint16_t port = 3478;
  bool turn = false;
};
// "stun:host[:port]", "turn:…", "turns:…" with an optional ?transport= [rfc7064, rfc7065].
// invalid_argument for anything else.
Result<Server> parse_server_url(std::string_view url);
inline constexpr std::size_t max_servers = 8;  // further ones are refused with over_limit

struct SessionOptions {
  ice::Role role = ice::Role::controlling;
  bool keep_role = false;  // else controlling again after a disconnect
  bool auto_reconnect = true;
  bool data = true;  // m=application
  bool automatic_channel = true;
  bool relay_only = false;
  bool remote_lite = false;
  std::uint8_t max_candidates = 16;
  std::uint8_t consent_misses = 5;                  // 0xFF = never report
  Duration gathering_timeout = milliseconds(500);   // 5 × agent_recv_timeout
  Duration connect_timeout = milliseconds(39'500);  // [rfc8863#4]
  std::uint32_t send_buffer = 100'000, receive_buffer = 100'000;
  dtls::CipherPreference ciphers = dtls::CipherPreference::automatic;
};

struct Dependencies {
  crypto::Provider& crypto;
  dtls::Backend& dtls;
  IdentitySource& identities;
};

// What the application hears, in this order.
struct StateChanged {
  State state;
};
struct LocalDescription {};  // read it with local_description()
struct ChannelOpened {       // always followed by StateChanged{data_opened}
  datachannel::StreamId stream;
};
struct ChannelClosed {  // always followed by StateChanged{data_closed}
  datachannel::StreamId stream;
};

// What the session asks of its runner.
struct OpenSockets {};  // one on each usable address, then on_sockets()
struct CloseSockets {};
struct Resolve {  // then on_resolved() with the same id; the name is server_name(id)
  std::uint32_t id;
};

class Connection;

class Session {
 public:
  using Event = std::variant<StateChanged, LocalDescription, ChannelOpened, ChannelClosed>;
  using Request = std::variant<OpenSockets, CloseSockets, Resolve>;

  Session(const SessionOptions& options, const Dependencies& dependencies, Env env);
  Session(const Session&) = delete;
  ~Session();

  // Commands. Errors are the caller's, as design says for the function of the same name in C.
  Status set_servers(Instant now, std::span<const Server> servers);
  Status set_role(Instant now, ice::Role role);
  // Says new_connection at once; everything else begins with the next on_deadline(now).
  Status new_connection(Instant now);
  Status disconnect(Instant now);
  Status set_remote_description(Instant now, std::string_view sdp);
  Status add_remote_candidate(Instant now, std::string_view line);
  Result<datachannel::StreamId> create_channel(Instant now,
                                               const datachannel::ChannelOptions& options);
  Status close_channel(Instant now, std::string_view label);
  // stream 0: the channel with id 0 if open, else the first open one.
  Status send_data(Instant now, datachannel::StreamId stream, datachannel::Kind kind,
                   Bytes message);

  // Inputs of the runner. `sockets`: the bound local addresses, best first; empty = none can be.
  void on_sockets(Instant now, std::span<const Address> sockets);
  void on_resolved(Instant now, std::uint32_t id, std::span<const Address> addresses);
  void on_datagram(Instant now, const Route& route, MutableBytes datagram);
  void on_deadline(Instant now);

  // Outputs.
  // Fills `out` until it is full or all is said; call again while it came back non-empty.
  void poll_transmit(Instant now, TxBatch& out);
  std::optional<Request> poll_request();
  std::optional<Event> poll_event();
  // Messages stay here until they are read, and the peer's window shrinks meanwhile.
  std::optional<datachannel::Message> read_message(Instant now);

  std::optional<Instant> next_deadline() const;
  State state() const;                         // of the connection, without the data_* ones
  std::string_view local_description() const;  // valid until the next command or input
  std::string_view server_name(std::uint32_t id) const;
  // Valid until the command or input after the channel's ChannelClosed.
  std::optional<std::string_view> channel_label(datachannel::StreamId stream) const;
  std::optional<Route> paired() const;
  void hash_state(StateHash& hash) const;

 private:
  struct Impl;
  Impl* impl_;
};

}  // namespace esp_peer::peer
