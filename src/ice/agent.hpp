// A full ICE agent for one component: RFC 8445 with trickle (RFC 8838), consent (RFC 7675) and
// patience (RFC 8863). Knows no TURN: a relayed candidate is a local one whose route is wrapped.
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
#include "ice/candidate.hpp"
#include "ice/check_list.hpp"
#include "ice/consent.hpp"
#include "ice/gatherer.hpp"
#include "stun/builder.hpp"

namespace esp_peer::ice {

enum class Role : std::uint8_t { controlling, controlled };

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

struct LocalCandidate {
  Candidate candidate;
};
struct GatheringDone {};  // every STUN server has answered or failed; may come again
struct PairValid {        // the first pair that works: DTLS may start
  Route route;
};
struct PairSelected {  // nominated; everything goes this way from now on
  Route route;
};
struct RoleSwitched {
  Role role;
};
struct Failed {};       // no pair works, and patience is over
struct ConsentLost {};  // 30 s without an answer: nothing may be sent any more
struct Lost {};         // consent_misses without an answer: report the loss

class Agent {
 public:
  using Event = std::variant<LocalCandidate, GatheringDone, PairValid, PairSelected, RoleSwitched,
                             Failed, ConsentLost, Lost>;

  Agent(const Options& options, const Credentials& local, crypto::Provider& crypto, Env env);

  // A socket of ours; becomes a host candidate. over_limit past max_local_candidates.
  Status add_host(Instant now, const Address& base);
  // Asked for a server-reflexive address from every host candidate of its family.
  Status add_stun_server(Instant now, const Address& server);
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
  // A Binding request with a good MESSAGE-INTEGRITY has come on this route.
  bool authenticated(const Route& route) const;
  // Data that comes on this route is the peer's: the route belongs to a valid pair.
  bool valid(const Route& route) const;
  void hash_state(StateHash& hash) const;

 private:
  enum class Timer : std::uint8_t { slot, nominate, patience, count };
  // What waits to be written: an answer, or a check of a pair or of consent.
  struct Response {
    Route to;
    stun::TransactionId id;
    std::uint16_t error = 0;         // 0 = success
    std::size_t no_larger_than = 0;  // of an answer to nobody we know
    FixedVector<std::uint16_t, 8> unknown;
  };
  // A good check that came before we knew whose it is.
  struct EarlyCheck {
    Route route;
    std::uint32_t priority;
    bool use_candidate;
    FixedString<256> remote_ufrag;
  };
  static constexpr std::size_t max_responses = 16;
  static constexpr std::size_t max_early_checks = 8;
  static constexpr std::size_t max_bases = 16;
  static constexpr Duration check_rto = milliseconds(500);  // [rfc8445#14.3] never below
  // exception: [rfc8445#14.3] lets the RTO double without end; here it stays at 2 s, so that a path
  // of many losses is found while patience lasts.
  static constexpr Duration max_check_rto = seconds(2);
  static constexpr Duration wait_for_better = milliseconds(50);
  static constexpr Duration wait_for_direct = milliseconds(200);

  void on_request(Instant now, const Route& route, const stun::Message& request, Bytes raw);
  bool resolve_role_conflict(const stun::Message& request, Response& response);
  void on_check(Instant now, const Route& route, std::uint32_t priority, bool use_candidate);
  void on_response(Instant now, const Route& route, const stun::Message& response);
  void on_check_answered(Instant now, Pair& pair, const stun::Message& response);
  void on_mapping(const Gatherer::Mapping& mapping);
  void switch_role();

  bool add_remote_candidate(const Candidate& candidate);
  Pair* learn_pair(const Route& route, std::uint32_t priority);
  void pair_with_all_bases(const Candidate& remote);
  Pair* add_pair(const Candidate& base, const Candidate& remote);
  void trigger(Pair& pair);
  void consider_nomination(Instant now);
  void nominate(Pair& pair);
  void select(const Pair& pair);
  void schedule_slot();
  void answer(Response response);
  void say(const Event& event);
  void drop(Instant now, const char* why, std::size_t size) const;

  std::size_t write_response(MutableBytes out, const Response& response);
  std::size_t write_check(Instant now, MutableBytes out, Pair& pair);
  std::size_t write_consent(MutableBytes out, Route& to);
  void put_check_body(stun::Builder& check, const Route& route, bool use_candidate);
  std::uint32_t reflexive_priority(const Address& base) const;
  const Pair* in_use() const;

  Options options_;
  Credentials local_;
  std::optional<Credentials> remote_;
  crypto::Provider& crypto_;
  Env env_;
  Role role_;
  bool remote_lite_;
  std::uint64_t tie_breaker_;
  Duration pacing_;
  Vector<Candidate> locals_;   // at most max_local_candidates
  Vector<Candidate> remotes_;  // at most max_remote_candidates, learned ones counted
  CheckList checks_;
  Gatherer gatherer_;
  Consent consent_;
  std::optional<Route> selected_;
  FixedVector<EarlyCheck, max_early_checks> early_;  // further ones are only answered
  Deque<Response> responses_;                        // at most max_responses; the newest dropped
  Deque<Event> events_;  // drained by the owner after every input: a few, and one a candidate
  TimerTable<Timer> timers_;
  Instant next_slot_ = Instant::min();
  bool slot_open_ = false;    // one check may be written now
  bool consent_due_ = false;  // and one for consent
  bool said_valid_ = false, was_gathering_ = false, nominating_ = false, closed_ = false;
};

}  // namespace esp_peer::ice
