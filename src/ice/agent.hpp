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
};

}  // namespace esp_peer::ice
