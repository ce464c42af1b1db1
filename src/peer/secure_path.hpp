// The encrypted path to the peer: ICE finds a pair, DTLS makes keys on it, sealed records follow
// the pair wherever it goes, also from one ICE session to the next [rfc8445#9, rfc8842#5].
#pragma once
#include <cstdint>
#include <optional>

#include "base/containers.hpp"
#include "base/memory.hpp"
#include "base/timer_table.hpp"
#include "base/tx_batch.hpp"
#include "dtls/endpoint.hpp"
#include "ice/agent.hpp"
#include "peer/early_datagrams.hpp"
#include "peer/relays.hpp"

namespace esp_peer::peer {

// What the remote description says about the path.
struct RemotePath {
  ice::Credentials credentials;
  bool ice_lite = false;
  Duration pacing = milliseconds(50);
  dtls::Role our_dtls_role = dtls::Role::client;
  FixedVector<dtls::Fingerprint, 4> fingerprints;
};

class SecurePath {
 public:
  enum class Event : std::uint8_t {
    paired,       // a pair works
    handshaking,  // DTLS has begun
    secured,      // the peer's certificate is the one of its description
    no_pair,
    handshake_timeout,
    handshake_refused,
    wrong_fingerprint,
    no_memory,
    closed_by_peer,
    lost,            // no consent any more
    broken,          // a fatal alert of the peer
    restart_failed,  // the old ICE session goes on
  };
  // A peer that answers checks but no handshake has had its time.
  static constexpr Duration handshake_timeout = seconds(30);
  // No datagram of ours is larger: 1280 − 40 IPv6 − 8 UDP; but what a relay puts around it comes on
  // top of that. exception: [rfc8261#4] the path's MTU is not looked for; a path that carries less
  // ends the connection.
  static constexpr std::size_t max_datagram = 1232;
  // What one of them wants, with what a relay puts around it.
  static constexpr std::size_t room_for_one = max_datagram + turn::Client::max_overhead;
  // So long the old pair is still listened to after the new one took over: the peer follows later,
  // and what it has sent is on its way.
  static constexpr Duration retirement = seconds(5);

  SecurePath(Owned<ice::Agent> agent, const dtls::Options& dtls, dtls::Backend& backend,
             dtls::Identity& identity, Env env);
  SecurePath(const SecurePath&) = delete;
  ~SecurePath();

  Status set_remote(Instant now, const RemotePath& remote);
  // A further ICE session. What the old one has found carries everything until a pair of the new
  // one is nominated, or for good, when it finds none.
  void restart(Instant now, Owned<ice::Agent> agent);
  // Back to the old one, as long as the peer has no part in the new one. False: there is none.
  bool take_back_restart();
  // Says close_notify if there is someone to say it to; afterwards only that goes out.
  void close(Instant now);
  // The newest session.
  ice::Agent& ice() { return *agent_; }
  // One record around `plaintext`, which may stand in `out` at Endpoint::seal_front; 0 = not now.
  std::size_t seal(Instant now, Bytes plaintext, MutableBytes out);

  void on_datagram(Instant now, const Route& route, MutableBytes datagram);
  void on_deadline(Instant now);

  // ICE's and DTLS's own datagrams, as many as `out` has room for.
  void poll_transmit(Instant now, TxBatch& out, Relays& relays);
  std::optional<Event> poll_event();
  // The next decrypted record; empty = none. Read all of them before the next input.
  Bytes read(Instant now);

  std::optional<Instant> next_deadline() const;
  bool paired() const { return paired_; }
  bool secured() const { return secured_; }
  // Media may come this way: a path on which the peer has shown our password, and the keys are
  // there [rfc5764#5.1].
  bool takes_media(const Route& route) const;
  // The keys of media, `out` as long as its profile needs; nothing where none was agreed on.
  std::optional<crypto::SrtpProfile> srtp_profile() const;
  Status export_srtp_keys(MutableBytes out) const;
  // Where sealed records go now; nothing before DTLS is done or without consent.
  std::optional<Route> route() const;
  const ice::Agent& ice() const { return *agent_; }
  // The credentials are those of the newest session that the peer has a part in.
  bool is_remote(const ice::Credentials& credentials) const;
  // The pair in use.
  std::optional<Route> pair() const;
  // None of its fingerprints is one of those that the handshake has to do with [rfc8842#5.1].
  bool is_another_peer(const RemotePath& remote) const;
  void hash_state(StateHash& hash) const;

 private:
  enum class Timer : std::uint8_t { handshake, retirement, count };

  void on_dtls(Instant now, const Route& route, MutableBytes datagram);
  void advance(Instant now);
  void on_ice_event(Instant now, const ice::Agent::Event& event);
  void on_old_ice_event(Instant now, const ice::Agent::Event& event);
  void on_ice_failed(Instant now);
  const ice::Agent& agent_in_use() const;
  void on_dtls_event(Instant now, const dtls::Endpoint::Event& event);
  void begin_handshake(Instant now);
  void end(Instant now, Event why);
  void say(Event event) { events_.push_back(event); }
  void drop(Instant now, const char* why, std::size_t size) const;

  dtls::Options dtls_options_;
  dtls::Backend& backend_;
  dtls::Identity& identity_;
  Env env_;
  Owned<ice::Agent> agent_;      // the newest
  Owned<ice::Agent> old_agent_;  // during a restart, and a little longer
  dtls::Endpoint* dtls_ = nullptr;
  EarlyDatagrams early_;
  std::optional<RemotePath> remote_;
  TimerTable<Timer> timers_;
  FixedVector<Event, 8> events_;  // each kind at most once between two inputs
  bool paired_ = false, secured_ = false, ended_ = false;
};

}  // namespace esp_peer::peer
