// A full ICE agent for one component: RFC 8445 with trickle (RFC 8838), consent (RFC 7675) and
// patience (RFC 8863). Knows no TURN: a relayed candidate is a local one whose route is wrapped.
// Its credentials are for ever: an ICE restart is a new agent beside the old one.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "base/env.hpp"
#include "base/result.hpp"
#include "base/state_hash.hpp"
#include "base/timer_table.hpp"
#include "crypto/provider.hpp"
#include "ice/answers.hpp"
#include "ice/candidate.hpp"
#include "ice/check_list.hpp"
#include "ice/consent.hpp"
#include "ice/early_checks.hpp"
#include "ice/gatherer.hpp"
#include "ice/local_candidates.hpp"
#include "ice/remote_candidates.hpp"

namespace esp_peer::stun {
class Builder;
}

namespace esp_peer::ice {

struct Credentials {
  FixedString<256> ufrag, password;
};
// 8 and 24 ice-chars from the secret source: 48 and 144 bits [rfc8445#5.3].
Credentials generate_credentials(Random& random);

struct Options {
  Role role = Role::controlling;
  bool remote_lite = false;  // it never checks; we are controlling
  std::uint8_t max_local_candidates = 16;
  std::uint8_t max_remote_candidates = 32;
  std::uint16_t max_pairs = 100;
  Duration pacing = milliseconds(5);         // Ta of ours; the larger of both sides' counts
  Duration patience = milliseconds(39'500);  // [rfc8863#4] no failure before
  std::uint8_t consent_misses = 5;           // × 6 s without an answer → Lost; 0xFF = never
};

struct PairValid {  // the first pair that works: DTLS may start
  static constexpr std::string_view kName = "ice_pair_valid";
  Route route;
};
struct PairSelected {  // nominated; everything goes this way from now on
  static constexpr std::string_view kName = "ice_pair_selected";
  Route route;
};
struct Failed {  // no pair works, and patience is over
  static constexpr std::string_view kName = "ice_failed";
};
struct Lost {};        // consent_misses without an answer: report the loss
struct RoleSwitched {  // traced only
  static constexpr std::string_view kName = "ice_role_switched";
  Role role;
};

class Agent {
 public:
  using Event = std::variant<PairValid, PairSelected, Failed, Lost>;

  Agent(const Options& options, const Credentials& local, crypto::Provider& crypto, Env env);
  Agent(const Agent&) = delete;  // its parts refer to each other
  ~Agent();

  // A socket of ours; becomes a host candidate. over_limit past three quarters of
  // max_local_candidates.
  Status add_host(Instant now, const Address& base);
  // Asked for a server-reflexive address from every host candidate of its family.
  Status add_stun_server(Instant now, const Address& server);
  // An address of ours on a TURN server. Whoever carries our datagrams wraps what leaves from it.
  void add_relayed(Instant now, const Address& relayed, const Address& server);
  // The remote description. `pacing`: its a=ice-pacing, or 50 ms where it names none. Starts the
  // checks. Later calls with the same credentials are harmless; other ones are unsupported
  // (restart).
  Status set_remote(Instant now, const Credentials& remote, bool lite, Duration pacing);
  // ok for duplicates; over_limit past max_remote_candidates; unsupported where no local candidate
  // of its family or transport can be.
  Status add_remote(Instant now, const Candidate& candidate);
  void end_of_remote_candidates(Instant now);
  void close(Instant now);

  // A STUN message (RFC 7983 first byte 0–3) that came on this route.
  void on_stun(Instant now, const Route& route, Bytes message);
  void on_deadline(Instant now);

  std::size_t write_datagram(Instant now, MutableBytes out, Route& to);
  std::optional<Event> poll_event();

  std::optional<Instant> next_deadline() const;
  Role role() const;
  const Credentials& local_credentials() const;
  std::span<const Candidate> local_candidates() const;
  bool gathering() const;  // a STUN server has neither answered nor failed
  // Where application data goes now: the selected pair, before it the best valid one; nothing
  // without consent.
  std::optional<Route> route() const;
  std::optional<Route> selected() const;
  // The STUN message is for this agent, and not for one with other credentials on the same sockets:
  // a request with our name in it, or an answer to one of ours.
  bool is_addressed(const Route& route, Bytes message) const;
  bool knows_remote() const { return has_remote_; }
  // These are the credentials of the remote description that we know.
  bool is_remote(const Credentials& credentials) const;
  // A Binding request with a good MESSAGE-INTEGRITY has come on this route.
  bool authenticated(const Route& route) const;
  // Data that comes on this route is the peer's: the route belongs to a valid pair.
  bool valid(const Route& route) const;
  void hash_state(StateHash& hash) const;

 private:
  enum class Timer : std::uint8_t { slot, nomination, patience, count };
  // Events that wait to be fetched: one of each kind at most, the newest of its kind.
  enum class Tell : std::uint8_t {
    pair_valid = 1 << 0,
    pair_selected = 1 << 1,
    lost = 1 << 2,
    failed = 1 << 3,
  };
  static constexpr Duration min_pacing = milliseconds(5);  // [rfc8445#14.2]
  static constexpr Duration min_rto = milliseconds(500);   // [rfc8445#14.3]
  // exception: [rfc8445#14.3] lets the RTO grow with the number of checks; above a second one lost
  // check would cost a good pair its place.
  static constexpr Duration max_rto = seconds(1);
  // Slower, the checks of an ordinary list would outlast our patience.
  static constexpr Duration max_pacing = milliseconds(500);
  static constexpr std::uint8_t max_conflicts = 3;  // of a pair; two at most have ever a reason

  void on_request(Instant now, const Route& route, const stun::Message& request, std::size_t size);
  bool resolve_role_conflict(Instant now, const stun::Message& request);
  void on_peer_check(Instant now, const EarlyCheck& check);
  std::optional<std::uint8_t> learn_remote(const Address& address, std::uint32_t priority);
  void on_response(Instant now, const Route& route, const stun::Message& response,
                   std::size_t size);
  void on_server_response(Instant now, const Route& route, const stun::Message& response);
  void on_consent_response(Instant now, const stun::Message& response);
  void on_check_response(Instant now, Pair& pair, const stun::Message& response);
  void on_check_error(Instant now, Pair& pair, bool current, const stun::Message& response);

  void switch_role(Instant now);
  void pair_local(std::uint8_t local);
  void pair_remote(std::uint8_t remote);
  void follow_nomination(Instant now, Pair& pair);
  void select(Instant now, Pair& pair);
  void use_best_path(Instant now);

  void advance(Instant now);
  void nominate(Instant now);
  void use_slot(Instant now);
  void give_up_if_hopeless(Instant now);
  void fall_silent();
  Duration check_rto() const;

  std::size_t write_check(MutableBytes out, Route& to, Pair& pair);
  std::size_t write_consent_check(MutableBytes out, Route& to);
  std::size_t write_request(MutableBytes out, const stun::TransactionId& id, std::uint8_t local,
                            bool use_candidate);

  bool known_user(std::string_view username) const;
  void tell(Tell what);
  bool take(Tell what);
  void drop(Instant now, const char* why, std::size_t size) const;

  Options options_;
  Credentials local_, remote_;
  crypto::Provider& crypto_;
  Env env_;
  Role role_;
  std::uint64_t tie_breaker_;
  Duration pacing_;
  LocalCandidates locals_;
  RemoteCandidates remotes_;
  CheckList checks_;
  Gatherer gatherer_;
  Consent consent_;
  EarlyChecks early_;
  Answers answers_;
  TimerTable<Timer> timers_;
  std::optional<Route> first_valid_;
  std::uint8_t to_tell_ = 0;  // a bit each of Tell
  bool has_remote_ = false, all_remotes_known_ = false;
  bool silent_ = false;  // failed, lost consent or closed: nothing is sent or obeyed any more
};

}  // namespace esp_peer::ice
