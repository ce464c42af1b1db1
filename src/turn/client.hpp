// One allocation on one TURN server [rfc8656]: an address of the server's that peers reach us at.
// Knows no ICE and no socket: who owns it carries its messages, each a datagram or the next piece
// of a stream, and has it wrap what is to leave from the relayed address.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "base/env.hpp"
#include "base/result.hpp"
#include "base/state_hash.hpp"
#include "turn/channels.hpp"
#include "turn/credential.hpp"
#include "turn/permissions.hpp"

namespace esp_peer::turn {

enum class Families : std::uint8_t { v4, v6, both };

struct Options {
  // Between us and the server. A stream (TCP, or TLS over it) loses nothing: no request is
  // repeated, and what is written is padded [rfc8489#6.2.2, rfc8656#12.5].
  bool stream = false;
  Families families = Families::v4;  // of the relayed address
  std::uint8_t max_peers = 64;       // IP addresses
  std::uint8_t max_channels = 8;     // those included that wait for their numbers to be forgotten
};

enum class Failure : std::uint8_t {
  none,
  timeout,
  integrity,        // answers came, and none was signed with our password
  unauthenticated,  // the server does not know this user or this password
  refused,          // with another error; its code says more
  malformed,        // an answer that makes no sense
  redirected,       // in a circle, or to where we cannot follow
  stream_closed,
};

struct Allocated {
  static constexpr std::string_view kName = "turn_allocated";
  std::optional<Address> relayed_v4, relayed_v6;  // one of them at least
  std::optional<Address> mapped;                  // how the server sees us
};
// Of a stream only: another server is to be asked, with the same credential. This client is over.
struct Redirected {
  Address server;
};
// There is no allocation, and this client is over. [rfc8656#7.4] The server should not be asked
// again for a minute after 486 and 508, for two after 437: that is up to the owner.
struct Failed {
  static constexpr std::string_view kName = "turn_failed";
  Failure why;
  std::uint16_t code;  // of the server's error; 0 = there was none
};
// There is none any more: the server has forgotten it, or nobody answers.
struct Lost {
  static constexpr std::string_view kName = "turn_lost";
  Failure why;
  std::uint16_t code;
};

// What a peer has sent to our relayed address.
struct Relayed {
  Address relayed, peer;
  MutableBytes payload;  // inside the message
};

class Client {
 public:
  using Event = std::variant<Allocated, Redirected, Failed, Lost>;
  // What wrapping puts in front, at most, and the padding behind.
  static constexpr std::size_t max_front = stun::header_size + 4 + 20 + 4;
  static constexpr std::size_t max_overhead = max_front + 3;

  Client(const Options& options, const Address& server, crypto::Provider& crypto, Env env);
  Client(const Client&) = delete;

  // Asks for an allocation. The credential may be time-limited: to us both are just texts.
  Status allocate(Instant now, std::string_view username, std::string_view password);
  // Lets this IP address through, now or as soon as there is an allocation, and keeps it so.
  // over_limit past max_peers; unsupported where we have no address of its family.
  Status permit(Instant now, const Address& peer);
  // The same, and four bytes are enough for each datagram to and from this very address.
  Status bind(Instant now, const Address& peer);
  // This IP address is of no interest any more.
  void forget(Instant now, const Address& peer);
  // Gives the allocation back. Afterwards only the request that says so goes out.
  void close(Instant now);

  // One message that came from the server. What a peer has sent is given out; what is not for us,
  // or is not true, changes nothing.
  std::optional<Relayed> on_message(Instant now, MutableBytes message);
  void on_stream_closed(Instant now);
  void on_deadline(Instant now);

  // The next request to the server, or a sign of life; 0 = none. One that does not fit is as good
  // as lost.
  std::size_t write_request(Instant now, MutableBytes out);
  // The payload as the server wants it to reach the peer; it may stand in `out`, best at max_front.
  // 0 = the server would not let it through now, or there is no room.
  std::size_t wrap(Instant now, const Address& peer, Bytes payload, MutableBytes out);
  std::optional<Event> poll_event();

  std::optional<Instant> next_deadline() const;
  // Where requests and what is wrapped go; another one after a redirection.
  const Address& server() const { return server_; }
  bool pending() const { return state_ == State::allocating; }
  bool allocated() const { return state_ == State::allocated; }
  bool ended() const { return state_ == State::ended; }
  // Our relayed address of this family.
  std::optional<Address> relayed(Family family) const;
  bool may_send(Instant now, const Address& peer) const;
  // The server has not yet said whether it lets this peer through.
  bool awaits(const Address& peer) const;
  bool bound(Instant now, const Address& peer) const;
  // Why it has ended; none = we wanted it, or it has not.
  Failure failure() const { return failure_; }
  // The last error of the server, for people; 0 = none.
  std::uint16_t last_error() const { return last_error_; }
  void hash_state(StateHash& hash) const;

 private:
  enum class State : std::uint8_t { idle, allocating, allocated, closing, ended };

  // So many requests are on their way at once; others wait for an answer.
  static constexpr std::size_t max_running = 8;
  // [rfc8656#9] Boxes on the way forget us sooner than the server does; as for STUN [rfc8445#11].
  static constexpr Duration keepalive = seconds(15);
  // The longest we rely on a lifetime, and the shortest.
  static constexpr Duration max_lifetime = seconds(3600), min_lifetime = seconds(10);
  static constexpr std::size_t max_redirections = 3;

  // What a request is about.
  struct Asking {
    std::uint16_t method = 0;
    Lease* lease = nullptr;
    Permission* permission = nullptr;
    Channel* channel = nullptr;
    explicit operator bool() const { return lease != nullptr; }
  };

  std::optional<Relayed> on_channel_data(Instant now, MutableBytes message);
  std::optional<Relayed> on_data(Instant now, const Message& message);
  std::optional<Relayed> relayed_from(Instant now, const Address& peer, MutableBytes payload);
  void on_response(Instant now, const Asking& asked, const Message& response);
  void on_challenge(Instant now, const Asking& asked, const Message& response);
  void on_redirection(Instant now, const Message& response);
  void on_success(Instant now, const Asking& asked, const Message& response);
  bool on_allocated(Instant now, const Message& response);
  void on_error(Instant now, const Asking& asked, const Message& response, std::uint16_t code);
  void on_timeout(Instant now, const Asking& asked);
  void give_up(Instant now, const Asking& asked, Failure why, std::uint16_t code);

  void advance(Instant now);
  void end(Instant now, Failure why, std::uint16_t code);
  void give_back(Instant now);
  void fall_silent();
  void be_quiet();
  std::size_t write(const Asking& asking, MutableBytes out);
  std::size_t wrap_in_channel(ChannelNumber number, Bytes payload, MutableBytes out) const;
  std::size_t wrap_in_indication(const Address& peer, Bytes payload, MutableBytes out);

  // One behind the other what may be asked for in this state; nothing behind the last one.
  Asking asking(std::size_t index);
  Asking find(const Message& response);
  stun::Schedule schedule() const;
  void say(Instant now, const Failed& failed);
  void say(Instant now, const Lost& lost);
  void drop(Instant now, const char* why, std::size_t size) const;

  Options options_;
  Address server_;
  Env env_;
  Credential credential_;
  State state_ = State::idle;
  Lease allocation_;
  Instant next_sign_of_life_ = Lease::never;
  bool sign_of_life_due_ = false;
  std::optional<Address> relayed_v4_, relayed_v6_;
  Permissions permissions_;
  Channels channels_;
  FixedVector<Address, max_redirections> left_;  // servers that have sent us on
  FixedVector<Event, 2> events_;                 // Allocated, and what ends it
  Failure failure_ = Failure::none;
  std::uint16_t last_error_ = 0;
  bool one_at_a_time_ = false;  // each nonce of this server is good for one request
};

}  // namespace esp_peer::turn
