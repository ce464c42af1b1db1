// Two whole sessions under a script, in virtual time: applications that connect, leave, send and
// close whenever they like, a signalling that loses, repeats and garbles, a network that loses,
// doubles, reorders and changes datagrams, strangers who know no password, and a peer's own route
// that carries anything at all. DTLS is the simulator's framing without a cipher.
//
// Whatever comes: outputs and memory stay bounded, no session spins or hangs between two states,
// what is not authentic changes nothing and is answered with no more than came, data goes only
// where checks were heard, and a message is read once, whole and in its order. When all is well
// again, two sessions that begin anew connect and talk.
#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "backends/openssl/provider.hpp"
#include "peer/demux.hpp"
#include "peer/session.hpp"
#include "sim/plain_dtls.hpp"
#include "sim/state_law.hpp"
#include "stun/builder.hpp"
#include "tests/fuzz/fuzz_parts.hpp"

namespace {

using namespace esp_peer;
using fuzz::Packet;
using fuzz::require;
using peer::Protocol;
using peer::State;

const Address stun_server = Address::v4(198, 51, 100, 1, 3478);

struct Plan {
  bool auto_reconnect = false, keep_role = false, named_server = false, patient = false;
  bool media[2] = {false, false};  // audio and video: offered and taken, not sent
  std::size_t batch = 16;          // datagrams that a runner lends room for at once
  std::size_t refuse_every = 0;    // allocations
};

peer::SessionOptions options_of(const Plan& plan, std::size_t index) {
  peer::SessionOptions o;
  o.role = index == 0 ? ice::Role::controlling : ice::Role::controlled;
  o.keep_role = plan.keep_role;
  o.auto_reconnect = plan.auto_reconnect;
  o.max_candidates = 4;
  o.consent_misses = plan.patient ? 0xFF : 2;
  o.send_buffer = 20'000;
  o.receive_buffer = 10'000;
  if (plan.media[index]) {
    o.audio.codec = sdp::AudioCodec::opus;
    o.video.codec = sdp::VideoCodec::h264;
  }
  return o;
}

// Caches and a table of 256 channels, each while it doubles; the machines of a connection; a
// description with its parsed form. A script is short: 40 KB have been seen.
constexpr std::size_t memory_cap = 160 * 1024;

struct Flying {
  Route route;  // as its sender sees it
  Packet bytes;
};

struct Side {
  Side(std::size_t which, const Plan& plan, sim::PlainDtls& dtls)
      : index(which),
        memory(memory_cap, plan.refuse_every),
        random(which + 1),
        identities(dtls),
        session(options_of(plan, which), {openssl::provider(), dtls, identities},
                Env{memory, random, {}}) {}

  struct Identities final : peer::IdentitySource {
    explicit Identities(sim::PlainDtls& of) : dtls(of) {}
    dtls::Identity* identity() override { return dtls.create_identity(1'700'000'000); }
    sim::PlainDtls& dtls;
  };

  bool has_socket(const Address& a) const {
    return std::find(sockets.begin(), sockets.end(), a) != sockets.end();
  }
  bool has_heard(const Route& route) const {
    return std::find(heard.begin(), heard.end(), route) != heard.end();
  }
  std::uint64_t state() const {
    StateHash hash;
    session.hash_state(hash);
    return hash.value();
  }

  std::size_t index;
  fuzz::Memory memory;
  fuzz::CountingRandom random;
  Identities identities;
  peer::Session session;
  sim::StateLaw law;
  std::vector<Address> sockets;
  std::vector<Route> heard;        // routes on which STUN came that a stranger cannot write
  std::deque<Flying> out;          // on its way; at most max_flying
  std::optional<Flying> last;      // what an observer of the wire remembers
  std::optional<Packet> asked;     // what the STUN server was asked last
  std::deque<std::string> spoken;  // descriptions on their way; at most max_spoken
  std::string description;         // the last one
  std::vector<std::string> keys;   // of all that it was known by, for a restart leaves two
  std::vector<std::uint32_t> unresolved;
  bool reads = true, offline = false;
  Instant since{};                                        // of its state
  std::size_t said = 0;                                   // bytes, ever
  std::map<std::uint32_t, std::size_t> sent;              // sizes, by serial; until they are read
  std::map<datachannel::StreamId, std::uint32_t> newest;  // serial that was read, by stream
};

class Script {
 public:
  explicit Script(Bytes bytes)
      : in_(bytes), plan_(plan()), sides_{{0, plan_, dtls_}, {1, plan_, dtls_}} {}

  void run() {
    for (int steps = 0; in_.remaining() > 0 && steps < max_steps; ++steps) step();
    part();
    if (plan_.refuse_every == 0) begin_anew();
  }

 private:
  static constexpr int max_steps = 400;
  static constexpr std::size_t max_flying = 64, max_spoken = 4;
  static constexpr Duration hop = milliseconds(5);
  // Checks and then the handshake have had their time, and a slot or two.
  static constexpr Duration longest_attempt = seconds(39 + 30 + 10);

  Plan plan() {
    Plan p;
    const std::uint8_t bits = in_.u8();
    p.auto_reconnect = (bits & 1) != 0;
    p.keep_role = (bits & 2) != 0;
    p.named_server = (bits & 4) != 0;
    p.patient = (bits & 8) != 0;
    if ((bits & 16) != 0) p.batch = 1;
    if ((bits & 32) != 0) p.refuse_every = 2 + in_.u8();
    p.media[0] = (bits & 64) != 0;
    p.media[1] = (bits & 128) != 0;
    return p;
  }
  Side& other(const Side& side) { return sides_[1 - side.index]; }

  void step() {
    const std::uint8_t what = in_.u8();
    Side& side = sides_[what >> 7];
    switch (what % 24) {
      case 0:
        return tick(milliseconds(in_.u8()));
      case 1:
        return tick(milliseconds(in_.u16()) * 8);
      case 2:
        return run_for(milliseconds(in_.u8()) * 20);
      case 3:
        return run_for(milliseconds(in_.u8()) * 400);
      case 4:
        return deliver(side, in_.u8(), true);
      case 5:
        return deliver(side, in_.u8(), false);  // it will come again
      case 6:
        return lose(side, in_.u8());
      case 7:
        return connect(side);
      case 8:
        if (in_.u8() == 0x77) disconnect(side);
        return;
      case 9:
        return speak(side);
      case 10:
        return garble(side);
      case 11:
        return tell_candidate(side);
      case 12:
      case 13:
        return send(side, in_.u8(), in_.u16());
      case 14:
        return channel(side);
      case 15:
        side.reads = !side.reads;
        return drain(side);
      case 16:
      case 17:
        return mutate(side);
      case 18:
        return arbitrary(side, stranger(side));
      case 19:
        return arbitrary(side, own_route(side));
      case 20:
        return forge_check(side);
      case 21:
        return configure(side);
      case 22:
        return answer_of_server(side);
      case 23:
        return resolve(side);
    }
  }

  // ---------------------------------------------------------------- the applications

  void connect(Side& side) {
    static_cast<void>(side.session.new_connection(now_));
    drain(side);
  }
  void disconnect(Side& side) {
    static_cast<void>(side.session.disconnect(now_));
    drain(side);
    const State state = side.session.state();
    require(state == State::disconnected || state == State::closed ||
            state == State::connect_failed);
  }
  void send(Side& side, std::uint8_t how, std::uint16_t length) {
    const std::size_t size = 4 + length % 6000;
    const std::string body = message(++serial_, size);
    const auto kind = (how & 1) != 0 ? datachannel::Kind::string : datachannel::Kind::binary;
    const datachannel::StreamId stream{static_cast<std::uint16_t>(how >> 5)};
    if (side.session.send_data(now_, stream, kind, as_bytes(body))) {
      side.sent.emplace(serial_, size);
      require(side.session.state() == State::connected);
    }
    drain(side);
  }
  static std::string message(std::uint32_t serial, std::size_t size) {
    std::string body(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
      body[i] = static_cast<char>(i < 4 ? serial >> 8 * i : serial * 31 + i / 7);
    }
    return body;
  }
  void read(Side& side, const datachannel::Message& m) {
    const Bytes body = m.body.bytes();
    require(body.size() >= 4 && side.session.state() == State::connected);
    std::uint32_t serial = 0;
    for (std::size_t i = 4; i-- > 0;)
      serial = serial << 8 | std::to_integer<std::uint32_t>(body[i]);
    const auto at = other(side).sent.find(serial);
    require(at != other(side).sent.end() && at->second == body.size());
    require(as_text(body) == message(serial, body.size()));
    other(side).sent.erase(at);
    require(serial > std::exchange(side.newest[m.stream], serial));
  }
  void channel(Side& side) {
    const std::uint8_t how = in_.u8();
    const std::string label(1 + how % 4, 'a');
    if ((how & 0x80) != 0) {
      static_cast<void>(side.session.close_channel(now_, label));
    } else {
      static_cast<void>(side.session.create_channel(now_, {.label = label}));
    }
    drain(side);
  }
  void configure(Side& side) {
    const std::uint8_t how = in_.u8();
    if ((how & 1) != 0) {
      const bool first = (how & 2) != 0;
      static_cast<void>(
          side.session.set_role(now_, first ? ice::Role::controlling : ice::Role::controlled));
    }
    if ((how & 4) != 0) {
      peer::Servers servers;
      for (int i = 0; i < how >> 6; ++i) servers.push_back(server(i == 0));
      static_cast<void>(side.session.set_servers(now_, {servers.begin(), servers.size()}));
    }
    if ((how & 8) != 0) side.offline = (how & 16) != 0;
    if ((how & 32) != 0) static_cast<void>(side.session.restart_ice(now_));
    drain(side);
  }
  peer::Server server(bool literal) const {
    peer::Server s;
    s.host.assign(literal && !plan_.named_server ? "198.51.100.1" : "stun.example");
    return s;
  }
  void resolve(Side& side) {
    const std::uint8_t how = in_.u8();
    const std::vector<Address> addresses(how % 4,
                                         (how & 8) != 0 ? stun_server : stranger(side).remote);
    const bool known = !side.unresolved.empty() && (how & 16) == 0;
    side.session.on_resolved(now_, known ? side.unresolved.back() : in_.u32(), addresses);
    drain(side);
  }

  // ---------------------------------------------------------------- the signalling

  void hear(Side& side, std::string_view sdp) {
    static_cast<void>(side.session.set_remote_description(now_, sdp));
    drain(side);
  }
  void speak(Side& from) {
    const std::uint8_t how = in_.u8();
    if (from.spoken.empty()) return (how & 1) != 0 ? hear(other(from), from.description) : void();
    const std::string sdp = from.spoken.front();
    if ((how & 2) == 0) from.spoken.pop_front();
    if ((how & 4) == 0) hear(other(from), sdp);
  }
  // A description with some characters exchanged, a part cut out, or one that was never one.
  void garble(Side& from) {
    const std::uint8_t how = in_.u8();
    std::string sdp = from.description;
    for (int n = how % 8; n > 0 && !sdp.empty(); --n) {
      const std::size_t at = in_.u16() % sdp.size();
      sdp[at] = static_cast<char>(in_.u8());
    }
    if ((how & 0x10) != 0 && !sdp.empty()) {
      const std::size_t at = in_.u16() % sdp.size();
      sdp.erase(at, in_.u8());
    }
    if ((how & 0x20) != 0) sdp.insert(sdp.size() - sdp.size() % 3, text());
    hear((how & 0x40) != 0 ? from : other(from), sdp);
  }
  std::string text() {
    return std::string(as_text(in_.bytes(std::min<std::size_t>(in_.u8(), in_.remaining()))));
  }
  void tell_candidate(Side& from) {
    const std::uint8_t how = in_.u8();
    std::string line = "a=candidate:1 1 udp 2130706431 ";
    if (!from.sockets.empty() && how < 0x40) {
      line += "192.0.2." + std::to_string(from.index + 1) + " " +
              std::to_string(from.sockets[0].port) + " typ host";
    } else if (how < 0x80) {
      line += "203.0.113." + std::to_string(how) + " 9 typ host";
    } else {
      line += text();
    }
    static_cast<void>(other(from).session.add_remote_candidate(now_, line));
    drain(other(from));
  }

  // ---------------------------------------------------------------- the network

  static Route reversed(const Route& route) { return {route.remote, route.local}; }

  void deliver(Side& from, std::size_t index, bool remove) {
    if (from.out.empty()) return;
    index %= from.out.size();
    const Flying flying = from.out[index];
    if (remove) from.out.erase(from.out.begin() + static_cast<std::ptrdiff_t>(index));
    give(other(from), reversed(flying.route), flying.bytes);
  }
  void lose(Side& from, std::size_t index) {
    if (from.out.empty()) return;
    from.out.erase(from.out.begin() + static_cast<std::ptrdiff_t>(index % from.out.size()));
  }
  void give(Side& to, const Route& route, const Packet& packet) {
    if (!to.has_socket(route.local)) return;
    if (peer::protocol_of(packet) == Protocol::stun && !to.has_heard(route)) {
      to.heard.push_back(route);
    }
    pass(to, route, packet);
  }
  // The datagram stands in memory of its own, and goes away at once.
  void pass(Side& to, const Route& route, const Packet& packet) {
    {
      Packet passing = packet;
      to.session.on_datagram(now_, route, passing);
    }
    drain(to);
  }

  // Anything that a runner may hand in, held against the law that fits it.
  void inject(Side& to, const Route& route, const Packet& packet) {
    if (!to.has_socket(route.local)) return;
    is_worthless(to, route, packet) ? refused(to, route, packet) : give(to, route, packet);
  }
  // Nobody who knows a key has written this. Handshakes are only protected as a whole.
  bool is_worthless(Side& to, const Route& route, const Packet& packet) {
    switch (peer::protocol_of(packet)) {
      case Protocol::stun:
        return !is_authentic(packet);
      case Protocol::dtls:
        return !to.has_heard(route) ||
               (to.session.state() == State::connected && packet[0] == std::byte{23});
      default:
        return true;
    }
  }
  bool is_authentic(const Packet& packet) const {
    const auto message = stun::parse(packet);
    if (!message) return false;
    for (const Side& side : sides_) {
      for (const std::string& key : side.keys) {
        if (message->integrity_matches(openssl::provider(), as_bytes(key))) return true;
      }
    }
    return false;
  }
  void refused(Side& to, const Route& route, const Packet& packet) {
    to.session.on_deadline(now_);  // what is due anyway
    drain(to);
    const std::uint64_t before = to.state();
    const std::size_t said = to.said, memory = to.memory.live();
    pass(to, route, packet);
    require(to.state() == before);
    require(to.said - said <= packet.size());
    require(to.memory.live() <= memory + 4096);  // room for an answer, made when first needed
  }

  Route stranger(const Side& to) {
    const Address local = to.sockets.empty() ? Address{} : to.sockets[0];
    return {local, Address::v4(203, 0, 113, in_.u8(), 9)};
  }
  Route own_route(Side& to) {
    const Side& from = other(to);
    if (to.sockets.empty() || from.sockets.empty()) return {};
    return {to.sockets[0], from.sockets[0]};
  }
  void arbitrary(Side& to, const Route& route) {
    const Bytes body = in_.bytes(std::min<std::size_t>(in_.u8(), in_.remaining()));
    inject(to, route, {body.begin(), body.end()});
  }
  // A real datagram, changed, on its own way or from elsewhere.
  void mutate(Side& from) {
    const std::uint8_t how = in_.u8();
    const Flying* real = !from.out.empty() ? &from.out.front() : from.last ? &*from.last : nullptr;
    if (!real) return;
    Packet changed = real->bytes;
    for (int n = how % 8; n > 0; --n) {
      const std::size_t at = in_.u16() % changed.size();
      changed[at] = static_cast<std::byte>(in_.u8());
    }
    if ((how & 0x10) != 0) changed.resize(in_.u16() % (changed.size() + 64));
    Route route = reversed(real->route);
    if ((how & 0x20) != 0) route.remote = stranger(from).remote;
    if (changed == real->bytes) return give(other(from), route, changed);
    inject(other(from), route, changed);
  }
  void forge_check(Side& to) {
    const std::uint8_t how = in_.u8();
    Packet room(512);
    stun::TransactionId id{};
    id[0] = static_cast<std::byte>(how);
    stun::Builder check(room, static_cast<stun::Class>(how % 4), stun::binding, id);
    if ((how & 4) != 0) check.username(text());
    if ((how & 8) != 0) check.priority(in_.u32());
    if ((how & 16) != 0) check.controlling(in_.u32());
    if ((how & 32) != 0) check.use_candidate();
    if ((how & 64) != 0) check.error(static_cast<std::uint16_t>(300 + in_.u8()), "no");
    if ((how & 128) != 0) check.integrity(openssl::provider(), as_bytes("no key of theirs"));
    room.resize(check.finish());
    inject(to, (in_.u8() & 1) != 0 ? own_route(to) : stranger(to), room);
  }
  void answer_of_server(Side& to) {
    if (!to.asked) return;
    const auto request = stun::parse(*to.asked);
    require(request.has_value());
    Packet room(128);
    const std::uint8_t how = in_.u8();
    stun::Builder answer(room, how < 0xC0 ? stun::Class::success : stun::Class::error,
                         stun::binding, request->id);
    answer.xor_mapped_address(Address::v4(192, 0, 2, how, 1000));
    if (how >= 0xC0) answer.error(static_cast<std::uint16_t>(300 + how), "no");
    room.resize(answer.finish());
    if (!to.sockets.empty()) give(to, {to.sockets[0], stun_server}, room);
  }

  // ---------------------------------------------------------------- time

  void tick(Duration d) {
    now_ += d;
    for (Side& side : sides_) {
      side.session.on_deadline(now_);
      const auto next = side.session.next_deadline();
      require(!next || *next > now_);
      drain(side);
    }
  }
  // Everything arrives a hop later, in order, descriptions too.
  void run_for(Duration d) {
    const Instant begin = now_, end = now_ + d;
    for (int steps = 0; now_ < end; ++steps) {
      require(steps < 40'000);
      for (Side& from : sides_) {
        for (; !from.spoken.empty(); from.spoken.pop_front())
          hear(other(from), from.spoken.front());
        for (std::size_t n = from.out.size(); n > 0 && !from.out.empty(); --n) {
          deliver(from, 0, true);
        }
      }
      auto next = earliest(sides_[0].session.next_deadline(), sides_[1].session.next_deadline());
      if (!sides_[0].out.empty() || !sides_[1].out.empty()) next = earliest(next, now_ + hop);
      const Instant to = std::min(std::max(next.value_or(end), now_), end);
      tick(to - now_);
      for (const Side& side : sides_) {
        const State state = side.session.state();
        const bool between =
            state == State::pairing || state == State::paired || state == State::connecting;
        require(!between || plan_.refuse_every != 0 ||
                now_ - std::max(side.since, begin) < longest_attempt);
      }
    }
  }

  // ---------------------------------------------------------------- the end

  void part() {
    for (Side& side : sides_) {
      disconnect(side);
      require(!side.session.next_deadline());
    }
  }
  // Whatever went before: what came for an attempt is used up by one, and the next one is clean.
  void begin_anew() {
    for (Side& side : sides_) {
      side.offline = false;
      side.reads = true;
      static_cast<void>(side.session.set_servers(now_, {}));
      connect(side);
    }
    tick(milliseconds(1));
    part();
    for (Side& side : sides_) {
      side.out.clear();
      side.spoken.clear();
      static_cast<void>(side.session.set_role(
          now_, side.index == 0 ? ice::Role::controlling : ice::Role::controlled));
      connect(side);
    }
    run_for(seconds(5));
    for (Side& side : sides_) {
      require(side.session.state() == State::connected && side.law.open_channels() > 0);
      side.sent.clear();
      send(side, 0, 5000);
      require(side.sent.size() == 1);
    }
    run_for(seconds(1));
    for (Side& side : sides_) require(side.sent.empty());
    disconnect(sides_[0]);
    run_for(milliseconds(500));
    require(sides_[1].session.state() == State::disconnected);
    part();
  }

  // ---------------------------------------------------------------- outputs

  // Takes all that a session has to say, and holds it against its bounds.
  void drain(Side& side) {
    for (int turns = 0;; ++turns) {
      require(turns < 1000);
      if (transmit(side) || serve(side) || tell(side)) continue;
      return require(side.law.connection() == side.session.state());
    }
  }
  bool transmit(Side& side) {
    std::array<TxBatch::Run, 16> runs;
    std::array<std::byte, 16 * 1500> room;
    TxBatch batch(MutableBytes(room).first(plan_.batch * 1500), std::span(runs).first(plan_.batch));
    side.session.poll_transmit(now_, batch);
    for (const TxBatch::Run& run : batch.runs()) {
      Bytes rest = batch.bytes(run);
      while (!rest.empty()) {
        const Bytes datagram = rest.first(std::min<std::size_t>(run.segment, rest.size()));
        rest = rest.subspan(datagram.size());
        depart(side, {run.route, {datagram.begin(), datagram.end()}});
      }
    }
    return !batch.empty();
  }
  void depart(Side& side, Flying flying) {
    require(side.has_socket(flying.route.local) && flying.bytes.size() <= 1232);
    side.said += flying.bytes.size();
    const bool stun = peer::protocol_of(flying.bytes) == Protocol::stun;
    require(stun || side.has_heard(flying.route));
    if (flying.route.remote == stun_server) {
      if (stun && stun::parse(flying.bytes)) side.asked = flying.bytes;
      return;
    }
    if (!other(side).has_socket(flying.route.remote)) return;  // to nowhere
    side.last = flying;
    if (side.out.size() < max_flying) side.out.push_back(std::move(flying));
  }
  bool serve(Side& side) {
    const auto request = side.session.poll_request();
    if (!request) return false;
    if (const auto* name = std::get_if<peer::Resolve>(&*request)) {
      require(!side.session.server_name(name->id).empty());
      side.unresolved.push_back(name->id);
      return true;
    }
    const auto* open = std::get_if<peer::OpenSockets>(&*request);
    if (!open || !open->again) {
      side.sockets.clear();
      side.heard.clear();
      side.asked.reset();
    }
    if (!open) return true;
    if (!side.offline && side.sockets.empty()) {
      side.sockets.push_back(
          Address::v4(192, 0, 2, static_cast<std::uint8_t>(side.index + 1), ++next_port_));
    }
    side.session.on_sockets(now_, side.sockets);
    return true;
  }
  bool tell(Side& side) {
    if (hear(side)) return true;
    if (!side.reads) return false;
    const auto message = side.session.read_message(now_);
    if (!message) return hear(side);  // an end may have stood behind the last one
    read(side, *message);
    return true;
  }
  bool hear(Side& side) {
    const auto event = side.session.poll_event();
    if (!event) return false;
    // Without memory an event may be lost, and the next one comes out of turn.
    require(!side.law.hear(*event) || plan_.refuse_every != 0);
    if (std::holds_alternative<peer::StateChanged>(*event)) side.since = now_;
    if (std::holds_alternative<peer::LocalDescription>(*event)) {
      side.description = side.session.local_description();
      const auto key = side.description.find("a=ice-pwd:") + 10;
      side.keys.push_back(side.description.substr(key, side.description.find('\r', key) - key));
      if (side.spoken.size() == max_spoken) side.spoken.pop_front();
      side.spoken.push_back(side.description);
    }
    return true;
  }

  Reader in_;
  Plan plan_;
  sim::PlainDtls dtls_{openssl::provider(), sim::Rng(1)};
  Side sides_[2];
  Instant now_{seconds(1)};
  std::uint32_t serial_ = 0;
  std::uint16_t next_port_ = 50'000;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  Script(std::as_bytes(std::span(data, size))).run();
  return 0;
}
