// Two associations under a script, in virtual time: a network that loses, doubles, reorders and
// changes packets, a stranger who knows no tag, in hostile scripts a peer that knows them all, and
// users who send, read, close and abort whenever they like, and forget everything and begin anew.
//
// Whatever comes: outputs and memory stay bounded, no machine spins, and a packet without the right
// tag and checksum changes nothing. In scripts that are not hostile every message that was
// acknowledged has been delivered once, whole and in its order, and nothing stalls; but of what was
// sent before a restart the rest is lost, and nothing of it comes behind that.
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "backends/openssl/provider.hpp"
#include "sctp/association.hpp"
#include "tests/fuzz/fuzz_parts.hpp"

namespace {

using namespace esp_peer;
using namespace esp_peer::sctp;
using fuzz::Packet;
using fuzz::require;

struct Plan {
  bool hostile = false;
  bool both_connect = false;
  bool tight = false;            // the smallest caches, and packets as small as they go
  std::size_t refuse_every = 0;  // allocations
};

Options options_of(const Plan& plan) {
  Options o;
  o.receive_window = plan.tight ? 1500 : 12'000;
  o.send_buffer = plan.tight ? 3000 : 30'000;
  if (plan.tight) o.max_packet = 400;
  return o;
}

// Payload is kept once, and once more while a buffer grows to twice its size; what a fragment or a
// message costs beside it is counted by the window; then come the tables that have bounds of their
// own: 4096 streams and 512 ranges, each while its array doubles.
std::size_t memory_cap(const Options& o) {
  return 6 * o.receive_window + 3 * o.send_buffer + 3 * 4096 * 4 + 3 * 512 * 8 + 16 * 1024;
}

struct Sent {
  std::uint32_t serial;
  std::size_t size;
};
struct Messages {
  std::map<std::uint16_t, std::deque<Sent>> ordered;
  std::map<std::uint32_t, std::size_t> unordered;
};

struct Side {
  Side(std::uint64_t seed, const Plan& plan)
      : options(options_of(plan)),
        memory(memory_cap(options), plan.refuse_every),
        random(seed),
        association(options, openssl::provider(), Env{memory, random, {}}) {}
  void begin_anew() {
    std::destroy_at(&association);
    std::construct_at(&association, options, openssl::provider(), Env{memory, random, {}});
    before = std::exchange(sent, {});
    connected = false;
  }

  Options options;
  fuzz::Memory memory;
  fuzz::CountingRandom random;
  Association association;
  std::deque<Packet> out;  // on its way to the other side; at most max_queue
  std::optional<Packet> last;
  // What an observer of the wire knows.
  std::uint32_t tag = 0;                           // to be carried by packets to this side
  std::uint32_t next_tsn = 0;                      // of this side's DATA
  std::uint32_t offered_tag = 0, offered_tsn = 0;  // by its last INIT-ACK
  Packet cookie;                                   // the same
  bool connected = false, ended = false, reads = true;
  Messages sent;  // that the other side has not read yet
  // By the one that it was before it began anew, until the other side has read that it did.
  std::optional<Messages> before;
};

class Script {
 public:
  explicit Script(Bytes bytes) : in_(bytes), plan_(plan()), sides_{{11, plan_}, {22, plan_}} {}

  void run() {
    connect(0);
    if (plan_.both_connect) connect(1);
    for (int steps = 0; in_.remaining() > 0 && steps < max_steps; ++steps) step();
    heal();
  }

 private:
  static constexpr int max_steps = 600;
  static constexpr std::size_t max_queue = 64;

  Plan plan() {
    Plan p;
    const std::uint8_t bits = in_.u8();
    p.hostile = (bits & 1) != 0;
    p.both_connect = (bits & 2) != 0;
    p.tight = (bits & 4) != 0;
    if ((bits & 8) != 0) p.refuse_every = 2 + in_.u8();
    return p;
  }
  Side& other(const Side& side) { return &side == &sides_[0] ? sides_[1] : sides_[0]; }

  void step() {
    const std::uint8_t what = in_.u8();
    Side& side = sides_[what >> 7];
    switch (what % 16) {
      case 0:
        return tick(milliseconds(in_.u8()));
      case 1:
        return tick(milliseconds(in_.u16()) * 4);
      case 2:
        return run_for(milliseconds(in_.u8()) * 8);
      case 3:
        return deliver(side, in_.u8(), true);
      case 4:
        return deliver(side, in_.u8(), false);  // it will come again
      case 5:
        return lose(side, in_.u8());
      case 6:
      case 7:
        return send(side, in_.u8(), in_.u16());
      case 8:
        side.reads = !side.reads;
        return drain(side, false);
      case 9:
        return mutate(side);
      case 10:
        return stranger(side);
      case 11:
      case 12:
        return plan_.hostile ? hostile(side) : deliver(side, 0, true);
      case 13:
        if (const auto n = in_.u8(); n == 0x77) {
          side.association.shutdown(now_);
        } else if (plan_.hostile) {
          static_cast<void>(side.association.reset_stream(now_, StreamId{n}));
        }
        return drain(side, false);
      case 14:
        if (const auto n = in_.u8(); n == 0x77) {
          abort(side);
        } else if (n == 0x78) {
          begin_anew(side);
        }
        return;
      case 15:
        return replay(side);
    }
  }

  // ---------------------------------------------------------------- the users

  void connect(std::size_t which) {
    require(static_cast<bool>(sides_[which].association.connect(now_)));
    drain(sides_[which], false);
  }
  void abort(Side& side) {
    side.association.abort(now_);
    drain(side, false);
    require(side.ended);
  }
  void begin_anew(Side& side) {
    if (side.ended || side.before || other(side).before) return;
    if (!plan_.hostile && !(side.connected && other(side).connected)) return;
    side.begin_anew();
    require(static_cast<bool>(side.association.connect(now_)));
    drain(side, false);
  }
  void send(Side& side, std::uint8_t how, std::uint16_t length) {
    const auto stream = static_cast<std::uint16_t>(how % 4 == 3 ? 0xFF00 | length : how % 4);
    // In the smallest window a larger one would be more than it can ever hold.
    const std::size_t size = 8 + length % (plan_.tight ? 900 : 4000);
    const bool unordered = (how & 0x40) != 0;
    const std::string body = message(++serial_, size);
    SendOptions options{.unordered = unordered};
    if (plan_.hostile) {  // where nobody counts what arrives
      options.reliability = static_cast<Reliability>((how >> 2) % 3);
      options.limit = length % 16;
    }
    const Status sent =
        side.association.send(now_, StreamId{stream}, Ppid{serial_}, as_bytes(body), options);
    if (sent) {
      require(side.connected && !side.ended);
      if (unordered) side.sent.unordered.emplace(serial_, size);
      if (!unordered) side.sent.ordered[stream].push_back({serial_, size});
    }
    drain(side, false);
  }
  static std::string message(std::uint32_t serial, std::size_t size) {
    std::string body(size, '\0');
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>(serial * 31 + i / 7);
    return body;
  }
  void read_all(Side& side) {
    while (auto message = side.association.read_message(now_)) {
      if (message->restart) {
        require(plan_.hostile || other(side).before);
        other(side).before.reset();
        side.sent = {};  // what it sent until now it sent to the one that was
      } else if (!plan_.hostile) {
        check_message(other(side), *message);
      }
    }
  }
  void check_message(Side& sender, const Message& m) {
    auto& [ordered, unordered] = sender.before ? *sender.before : sender.sent;
    const auto serial = static_cast<std::uint32_t>(m.ppid);
    require(as_text(m.body.bytes()) == message(serial, m.body.size()));
    if (m.unordered) {
      const auto at = unordered.find(serial);
      require(at != unordered.end() && at->second == m.body.size());
      unordered.erase(at);
      return;
    }
    auto& waiting = ordered[static_cast<std::uint16_t>(m.stream)];
    require(!waiting.empty() && waiting.front().serial == serial);
    require(waiting.front().size == m.body.size());
    waiting.pop_front();
  }

  // ---------------------------------------------------------------- the network

  void deliver(Side& from, std::size_t index, bool remove) {
    if (from.out.empty()) return;
    index %= from.out.size();
    const Packet packet = from.out[index];
    if (remove) from.out.erase(from.out.begin() + static_cast<std::ptrdiff_t>(index));
    give(other(from), packet);
  }
  void lose(Side& from, std::size_t index) {
    if (from.out.empty()) return;
    from.out.erase(from.out.begin() + static_cast<std::ptrdiff_t>(index % from.out.size()));
  }
  void give(Side& to, const Packet& packet) {
    Packet passing = packet;
    to.association.on_packet(now_, passing);
    passing.clear();
    passing.shrink_to_fit();
    drain(to, true);
  }
  // A real packet, changed: unless the checksum is made right again it is weather.
  void mutate(Side& from) {
    const Packet* real = !from.out.empty() ? &from.out.front() : from.last ? &*from.last : nullptr;
    const std::uint8_t how = in_.u8();
    if (!real) return;
    Packet changed = *real;
    for (int n = how % 8; n >= 0; --n) {
      const std::size_t at = in_.u16() % changed.size();
      changed[at] = static_cast<std::byte>(in_.u8());
    }
    if ((how & 0x40) != 0) changed.resize(std::max<std::size_t>(in_.u16() % changed.size(), 1));
    if (changed == *real) return;
    if (plan_.hostile && (how & 0x80) != 0) {
      fuzz::repair_checksum(changed);
      return give(other(from), changed);
    }
    if (parse_packet(changed)) return;  // only its padding, or a checksum that happens to be right
    refused(other(from), changed);
  }
  // Anything at all from someone who knows no tag.
  void stranger(Side& to) {
    Packet packet = packet_of(to, [&](std::uint8_t bits) {
      const std::uint32_t guess = in_.u32();
      return guess == to.tag || (bits & 1) != 0 ? to.tag + 1 : guess;
    });
    if (packet.size() < 16 || to.tag == 0) return;
    const auto type = static_cast<ChunkType>(packet[12]);
    // An INIT carries no tag, a reflected one may be known [rfc9260#8.5.1].
    const std::uint32_t tag = Reader(Bytes(packet).subspan(4)).u32();
    if (type == ChunkType::init || tag == to.tag || tag == other(to).tag) return;
    refused(to, packet);
  }
  void refused(Side& to, const Packet& packet) {
    drain(to, false);  // reading may have opened the window, which is then said
    const std::uint64_t before = state_of(to);
    Packet passing = packet;
    to.association.on_packet(now_, passing);
    require(state_of(to) == before);
    std::array<std::byte, 1200> room{};
    require(to.association.write_packet(now_, room) == 0);
    require(!to.association.poll_event());
  }
  // A peer that knows every tag and number.
  void hostile(Side& to) {
    const Packet packet = packet_of(to, [&](std::uint8_t bits) {
      const std::uint32_t known[] = {to.tag, 0, other(to).tag, to.offered_tag};
      return known[bits & 3];
    });
    give(to, packet);
  }
  void replay(Side& to) {
    Packet packet = packet_of(to, [&](std::uint8_t) { return to.tag; });
    if (plan_.hostile) return give(to, packet);
    if (other(to).last) give(to, *other(to).last);
  }

  template <class Tag>
  Packet packet_of(Side& to, Tag tag) {
    const std::uint8_t bits = in_.u8();
    Packet packet(1200);
    PacketWriter w(packet, 5000, 5000, tag(bits));
    for (int n = bits >> 6; n >= 0; --n) {
      const std::uint8_t type = in_.u8(), flags = in_.u8();
      put_chunk(w, to, type, flags);
    }
    packet.resize(w.finish());
    return packet;
  }
  void put_chunk(PacketWriter& w, Side& to, std::uint8_t type, std::uint8_t flags) {
    const bool named = (type & 0x40) != 0 || static_cast<ChunkType>(type) == ChunkType::reconfig;
    const auto as = static_cast<ChunkType>(named ? type : type % 16);
    const std::size_t extra = in_.u8();
    std::array<std::byte, 300> value{};
    Writer v(value);
    if (as == ChunkType::data) {
      v.u32(other(to).next_tsn + static_cast<std::uint32_t>(in_.u8()) - 4);
      v.u16(in_.u8());
      v.u16(in_.u8());
      v.u32(in_.u8());
    } else if (as == ChunkType::sack) {
      v.u32(to.next_tsn - in_.u8() % 64);
      v.u32(in_.u16());
      const std::uint16_t gaps = in_.u8() % 16;
      v.u16(gaps);
      v.u16(0);
      for (int i = 0; i < 2 * gaps; ++i) v.u16(in_.u8());
    } else if (as == ChunkType::init || as == ChunkType::init_ack) {
      v.u32(in_.u8() % 4);
      v.u32(1499u + in_.u8());
      v.u16(in_.u8());
      v.u16(in_.u8());
      v.u32(in_.u32());
    } else if (as == ChunkType::forward_tsn) {
      v.u32(other(to).next_tsn + static_cast<std::uint32_t>(in_.u8()) - 4);
      for (int n = in_.u8() % 4; n > 0; --n) v.u32(in_.u32() & 0x00FF'00FF);
    } else if (as == ChunkType::reconfig) {
      // Requests and answers near the numbers that are due: they begin with the first TSNs.
      v.u16(static_cast<std::uint16_t>(12 + in_.u8() % 8));
      v.u16(static_cast<std::uint16_t>(12 + in_.u8() % 12));
      v.u32((in_.u8() & 1 ? to.next_tsn : other(to).next_tsn) - in_.u8() % 8);
      v.u32(in_.u8() % 8);
      v.u32(other(to).next_tsn + static_cast<std::uint32_t>(in_.u8()) - 4);
    } else if (as == ChunkType::cookie_echo) {
      v.bytes(to.cookie);
    } else if (as == ChunkType::shutdown) {
      v.u32(to.next_tsn - in_.u8() % 64);
    } else if (as == ChunkType::heartbeat_ack && to.last) {
      // What the heartbeat said, with a tail of its own.
      const Bytes real = Bytes(*to.last);
      if (real.size() >= 36 && real[12] == std::byte{4}) v.bytes(real.subspan(16, 12));
    }
    if ((flags & 0x80) != 0) {
      v.zeros(std::min(extra, v.room_left()));
    } else {
      v.bytes(in_.bytes(std::min({extra, v.room_left(), in_.remaining()})));
    }
    if (v.size() == 0) return static_cast<void>(w.begin_empty(as, flags));
    const MutableBytes at = w.begin(as, flags, v.size());
    if (!at.empty()) copy_bytes(v.written(), at);
  }

  // ---------------------------------------------------------------- time

  void tick(Duration d) {
    now_ += d;
    for (Side& side : sides_) {
      side.association.on_deadline(now_);
      const auto next = side.association.next_deadline();
      require(!next || *next > now_);
      drain(side, false);
    }
  }
  // Everything arrives 10 ms later, in order.
  void run_for(Duration d) {
    const Instant end = now_ + d;
    for (int steps = 0; now_ < end; ++steps) {
      require(steps < 20'000);
      for (Side& from : sides_) {
        for (std::size_t n = from.out.size(); n > 0 && !from.out.empty(); --n) {
          deliver(from, 0, true);
        }
      }
      auto next =
          earliest(sides_[0].association.next_deadline(), sides_[1].association.next_deadline());
      const bool waiting = !sides_[0].out.empty() || !sides_[1].out.empty();
      if (waiting) next = earliest(next, now_ + milliseconds(10));
      if (!next || *next > end) {
        now_ = end;
        return;
      }
      tick(std::max(*next - now_, Duration(0)));
    }
  }
  // The network is well again: what is owed arrives, nothing stalls.
  void heal() {
    for (Side& side : sides_) {
      side.reads = true;
      drain(side, false);
    }
    for (int i = 0; i < 40; ++i) {
      run_for(seconds(10));
      if (sides_[0].association.buffered() + sides_[1].association.buffered() == 0) break;
    }
    for (Side& side : sides_) {
      read_all(side);
      if (plan_.hostile || side.ended || other(side).ended) continue;
      if (!side.connected || !other(side).connected || plan_.refuse_every != 0) continue;
      require(side.association.buffered() == 0);
      require(side.sent.unordered.empty() && !side.before);
      for (const auto& [stream, waiting] : side.sent.ordered) require(waiting.empty());
    }
    for (Side& side : sides_) abort_if_alive(side);
  }
  void abort_if_alive(Side& side) {
    if (!side.ended) abort(side);
    require(!side.association.next_deadline());
    side.association.on_deadline(now_ + seconds(1000));
    require(!side.association.poll_event());
  }

  // ---------------------------------------------------------------- outputs

  // Takes all that a side has to say, and holds it against its bounds.
  void drain(Side& side, bool answering) {
    Association& a = side.association;
    std::size_t said = 0, packets = 0;
    const std::size_t owed = a.buffered();
    std::array<std::byte, 1200> room;
    while (const std::size_t n = a.write_packet(now_, room)) {
      require(n <= side.options.max_packet && ++packets < 2000);
      said += n;
      observe(side, Bytes(room).first(n));
    }
    // An answer is an acknowledgement and little more; the rest is what our own user has sent.
    if (answering) require(said <= 2 * owed + 3u * side.options.max_packet);
    take_events(side);
    if (side.reads) read_all(side);
    const auto next = a.next_deadline();
    require(!side.ended || !next);
    require(side.ended || a.buffered() == 0 || next);
  }
  void observe(Side& side, Bytes bytes) {
    const auto packet = parse_packet(bytes);
    require(packet.has_value());
    Bytes rest = packet->chunks;
    while (const auto chunk = take_chunk(rest)) {
      const auto init = parse_init(*chunk);
      if (chunk->type == ChunkType::init && init) {
        side.tag = init->initiate_tag;
        if (!side.connected) side.next_tsn = init->initial_tsn;
      }
      if (chunk->type == ChunkType::init_ack && init && !side.connected) {
        side.tag = init->initiate_tag;
        side.next_tsn = init->initial_tsn;
      }
      if (chunk->type == ChunkType::init_ack && init) {
        side.offered_tag = init->initiate_tag;
        side.offered_tsn = init->initial_tsn;
        side.cookie.assign(init->cookie.begin(), init->cookie.end());
      }
      if (chunk->type == ChunkType::cookie_ack && plan_.hostile && side.connected) {
        side.tag = side.offered_tag;  // it may have been the answer to a restart
        side.next_tsn = side.offered_tsn;
      }
      const auto data = parse_data(*chunk);
      if (chunk->type == ChunkType::data) {
        require(data.has_value());
        if (serial_less_equal(side.next_tsn, data->tsn)) side.next_tsn = data->tsn + 1;
      }
    }
    require(rest.empty());
    side.last = Packet(bytes.begin(), bytes.end());
    if (side.out.size() < max_queue) side.out.push_back(*side.last);
  }
  void take_events(Side& side) {
    while (const auto event = side.association.poll_event()) {
      require(!side.ended);
      if (std::holds_alternative<Connected>(*event)) {
        require(!side.connected);
        side.connected = true;
        if (plan_.hostile) side.association.may_lose(StreamId{1});
      }
      side.ended =
          std::holds_alternative<Closed>(*event) || std::holds_alternative<Aborted>(*event);
    }
  }
  static std::uint64_t state_of(const Side& side) {
    StateHash hash;
    side.association.hash_state(hash);
    return hash.value();
  }

  Reader in_;
  Plan plan_;
  Side sides_[2];
  Instant now_{seconds(1)};
  std::uint32_t serial_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  Script(std::as_bytes(std::span(data, size))).run();
  return 0;
}
