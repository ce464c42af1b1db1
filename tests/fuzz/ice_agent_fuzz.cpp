// An ICE agent under a script of commands, time, and datagrams of strangers and of the peer. The
// script knows our password, so that it comes past the door; strangers must change nothing.
#include <cstdint>

#include "backends/openssl/provider.hpp"
#include "ice/agent.hpp"
#include "stun/builder.hpp"
#include "tests/fuzz/fuzz_parts.hpp"

namespace {

using namespace esp_peer;
using fuzz::require;

ice::Credentials credentials(std::string_view ufrag, std::string_view password) {
  ice::Credentials c;
  c.ufrag.assign(ufrag);
  c.password.assign(password);
  return c;
}

class Script {
 public:
  explicit Script(Bytes bytes) : in_(bytes) {
    agent_.emplace(options(), credentials("ours", our_key_), openssl::provider(), env_);
  }

  void run() {
    while (in_.remaining() > 0) step();
    drain();
    tick(100'000);
  }

 private:
  static constexpr std::string_view our_key_ = "the password of this side",
                                    their_key_ = "and of that side";

  ice::Options options() {
    const std::uint8_t bits = in_.u8();
    ice::Options o;
    o.role = (bits & 1) != 0 ? ice::Role::controlled : ice::Role::controlling;
    o.remote_lite = (bits & 2) != 0;
    o.max_pairs = (bits & 4) != 0 ? 3 : 100;
    o.max_remote_candidates = (bits & 8) != 0 ? 2 : 32;
    o.consent_misses = (bits & 16) != 0 ? 0xFF : 2;
    return o;
  }
  Address ours() {
    const std::uint8_t n = in_.u8() & 3;
    return n == 3 ? *parse_ip("fe80::1", 7) : Address::v4(10, 0, 0, n, 1000);
  }
  Address theirs() {
    const std::uint8_t n = in_.u8();
    return n >= 0xF0 ? *parse_ip("fe80::2", n) : Address::v4(10, 0, 1, n, 2000);
  }
  Route route() {
    const Address local = ours();
    return {local, theirs()};
  }

  void step() {
    switch (in_.u8() % 14) {
      case 0:
        return tick(in_.u8());
      case 1:
        return tick(in_.u16());
      case 2:
        return drain();
      case 3:
        return static_cast<void>(agent_->add_host(now_, ours()));
      case 4:
        return static_cast<void>(agent_->add_stun_server(now_, theirs()));
      case 5:
        return set_remote();
      case 6:
        return add_remote();
      case 7:
        return agent_->end_of_remote_candidates(now_);
      case 8:
        return stranger();
      case 9:
        return check_of_peer();
      case 10:
      case 11:
        return answer_of_peer();
      case 12:
        return replay_to_us();
      case 13:
        if (in_.u8() != 0x77) return;  // seldom, or nothing else would be tried
        agent_->close(now_);
        closed_ = true;
    }
  }

  void tick(std::int64_t ms) {
    now_ += milliseconds(ms);
    agent_->on_deadline(now_);
    const auto next = agent_->next_deadline();
    require(!next || *next > now_);
    require(!closed_ || !next);
  }
  void set_remote() {
    const std::uint8_t bits = in_.u8();
    const auto remote = credentials((bits & 1) != 0 ? "other" : "them", their_key_);
    static_cast<void>(agent_->set_remote(now_, remote, (bits & 2) != 0, milliseconds(bits)));
  }
  void add_remote() {
    ice::Candidate c;
    c.address = theirs();
    c.type = static_cast<ice::CandidateType>(in_.u8() & 3);
    c.priority = in_.u32() & 0x7FFF'FFFF;
    static_cast<void>(agent_->add_remote(now_, c));
  }
  // Raw bytes: nobody without our password, or an id of ours, changes anything.
  void stranger() {
    const Route from = route();
    const Bytes bytes = in_.bytes(std::min<std::size_t>(in_.u8(), in_.remaining()));
    const std::uint64_t before = state();
    static_cast<void>(agent_->is_addressed(from, bytes));
    agent_->on_stun(now_, from, bytes);
    require(state() == before);
  }
  void check_of_peer() {
    const Route from = route();
    const std::uint8_t bits = in_.u8();
    std::array<std::byte, 300> room{};
    stun::TransactionId id{};
    id[0] = static_cast<std::byte>(bits);
    stun::Builder b(room, stun::Class::request, stun::binding, id);
    b.username("ours", "them");
    if ((bits & 1) != 0) b.priority(in_.u32());
    if ((bits & 2) != 0) b.controlling(in_.u64());
    if ((bits & 4) != 0) b.controlled(in_.u64());
    if ((bits & 8) != 0) b.use_candidate();
    b.integrity(openssl::provider(), as_bytes((bits & 16) != 0 ? their_key_ : our_key_));
    const std::size_t size = b.finish();
    agent_->on_stun(now_, from, Bytes(room).first(size));
  }
  // To one of the last requests that the agent has sent.
  void answer_of_peer() {
    const Request& request = requests_[in_.u8() % requests_.size()];
    const std::uint8_t bits = in_.u8();
    Route from = request.to;
    if ((bits & 1) != 0) from.remote = theirs();
    std::array<std::byte, 300> room{};
    const bool error = (bits & 6) == 6;
    stun::Builder b(room, error ? stun::Class::error : stun::Class::success, stun::binding,
                    request.id);
    if (error) b.error(static_cast<std::uint16_t>(400 + in_.u8() % 100), "x");
    if ((bits & 8) == 0) b.xor_mapped_address((bits & 16) != 0 ? theirs() : from.local);
    if ((bits & 32) == 0) b.integrity(openssl::provider(), as_bytes(their_key_));
    const std::size_t size = b.finish();
    agent_->on_stun(now_, from, Bytes(room).first(size));
  }
  void replay_to_us() {
    const Request& request = requests_[in_.u8() % requests_.size()];
    agent_->on_stun(now_, route(), Bytes(request.bytes).first(request.size));
  }

  void drain() {
    for (int i = 0; i < 1000; ++i) {
      std::array<std::byte, 1200> room{};
      Route to;
      const std::size_t size = agent_->write_datagram(now_, room, to);
      if (size == 0) break;
      require(!closed_ && i < 999);
      const auto m = stun::parse(Bytes(room).first(size));
      require(m && m->has_fingerprint);
      if (m->kind != stun::Class::request) continue;
      require(!m->use_candidate || m->controlling);  // [rfc8445#7.1.2]
      Request& slot = requests_[next_request_++ % requests_.size()];
      slot = {to, m->id, {}, std::min<std::size_t>(size, 300)};
      copy_bytes(Bytes(room).first(slot.size), slot.bytes);
    }
    while (agent_->poll_event()) require(!closed_);
    require(!agent_->route() || agent_->valid(*agent_->route()));
    require(!agent_->selected() || agent_->valid(*agent_->selected()));
  }
  std::uint64_t state() const {
    StateHash hash;
    agent_->hash_state(hash);
    return hash.value();
  }

  struct Request {
    Route to;
    stun::TransactionId id{};
    std::array<std::byte, 300> bytes{};
    std::size_t size = 0;
  };

  Reader in_;
  // 100 pairs while their array doubles, 40 candidates, 64 answers.
  fuzz::Memory memory_{64 * 1024};
  fuzz::CountingRandom random_{1};
  Env env_{memory_, random_, {}};
  std::optional<ice::Agent> agent_;
  std::array<Request, 8> requests_{};
  std::size_t next_request_ = 0;
  Instant now_{seconds(1)};
  bool closed_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Script(std::as_bytes(std::span(data, size))).run();
  return 0;
}
