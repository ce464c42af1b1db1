// A TURN client under a script of commands, time, loss, and answers: those of a true server, those
// of one that says anything but knows the password, and those of strangers, which change nothing.
#include <cstdint>
#include <optional>

#include "backends/openssl/provider.hpp"
#include "tests/fuzz/fuzz_parts.hpp"
#include "tests/support/turn_server.hpp"
#include "turn/client.hpp"

namespace {

using namespace esp_peer;
using fuzz::require;

class Script {
 public:
  explicit Script(Bytes bytes) : in_(bytes) {
    const std::uint8_t bits = in_.u8();
    turn::Options options;
    options.stream = (bits & 1) != 0;
    options.families = static_cast<turn::Families>((bits >> 1 & 3) % 3);
    options.max_peers = (bits & 8) != 0 ? 3 : 64;
    options.max_channels = (bits & 16) != 0 ? 2 : 8;
    test::TurnServerOptions server;
    server.stream = options.stream;
    server.sha256 = (bits & 32) != 0;
    server.anonymous = (bits & 64) != 0;
    server.nonce_for_one_request = (bits & 128) != 0;
    server.relay_v6 = parse_ip("2001:db8::7", 0);
    server_.emplace(server);
    memory_.emplace(cap_, in_.u8());
    client_.emplace(options, server_address_, openssl::provider(), Env{*memory_, random_, {}});
  }

  void run() {
    while (in_.remaining() > 0) step();
    drain(true);
    tick(100'000);
    client_.reset();
    require(memory_->live() == 0);
  }

 private:
  static constexpr std::size_t cap_ = 64 * 1024;
  static constexpr Address server_address_ = Address::v4(198, 51, 100, 1, 3478);
  static constexpr Address us_ = Address::v4(192, 0, 2, 10, 5000);

  Address peer() {
    const std::uint8_t n = in_.u8();
    return n >= 0xC0 ? *parse_ip("2001:db8::9", n) : Address::v4(203, 0, 113, n & 15, n);
  }

  void step() {
    switch (in_.u8() % 14) {
      case 0:
        return tick(in_.u8());
      case 1:
        return tick(in_.u16() * 16);
      case 2:
        return drain(true);
      case 3:
        return drain(false);  // lost
      case 4:
        return static_cast<void>(client_->allocate(now_, "alice", "secret"));
      case 5:
        return static_cast<void>(client_->permit(now_, peer()));
      case 6:
        return static_cast<void>(client_->bind(now_, peer()));
      case 7:
        return client_->forget(now_, peer());
      case 8:
        return send(peer());
      case 9:
        return receive(peer());
      case 10:
        return stranger();
      case 11:
        return answer_with_anything();
      case 12:
        return in_.u8() % 2 != 0 ? server_->expire_nonces() : server_->restart();
      case 13:
        if (in_.u8() != 0x77) return;  // seldom, or nothing else would be tried
        in_.u8() % 2 != 0 ? client_->close(now_) : client_->on_stream_closed(now_);
    }
  }

  void tick(std::int64_t ms) {
    now_ += milliseconds(ms);
    client_->on_deadline(now_);
    const auto next = client_->next_deadline();
    require(!next || *next > now_);
    require(!client_->ended() || !next);
    while (client_->poll_event()) {
    }
  }

  // What it has to say goes to the server, and the answers come back.
  void drain(bool arrives) {
    for (int i = 0; i < 300; ++i) {
      std::vector<std::byte> request(4096);
      request.resize(client_->write_request(now_, request));
      if (request.empty()) return;
      require(!client_->ended());
      remember(request);
      auto answer = server_->on_message(now_, us_, request);
      if (!honest_) continue;
      require(server_->complaints().empty());
      if (arrives && answer) require(!client_->on_message(now_, *answer));
    }
    require(false);  // it never ends
  }

  void send(const Address& to) {
    const Bytes payload = in_.bytes(std::min<std::size_t>(in_.u8(), in_.remaining()));
    std::vector<std::byte> out(payload.size() + in_.u8() % 64);
    const std::size_t size = client_->wrap(now_, to, payload, out);
    require(size <= out.size());
    require(size == 0 || client_->may_send(now_, to));
    if (size == 0) return;
    out.resize(size);
    static_cast<void>(server_->on_message(now_, us_, out));
    const auto arrived = server_->take_to_peers();
    if (!honest_) return;
    for (const auto& datagram : arrived) {
      require(datagram.peer == to && equal(datagram.payload, payload));
    }
  }

  void receive(const Address& from) {
    const auto relayed = client_->relayed(turn::family_of(from));
    const Bytes payload = in_.bytes(std::min<std::size_t>(in_.u8(), in_.remaining()));
    if (!relayed) return;
    auto to_us = server_->on_peer(now_, *relayed, from, payload);
    if (!to_us) return;
    const std::uint64_t before = state();
    const auto got = client_->on_message(now_, to_us->message);
    require(state() == before);
    if (got) require(client_->may_send(now_, got->peer));
    if (got && honest_) require(got->peer == from && equal(got->payload, payload));
  }

  // Raw bytes: nobody without an id of ours changes anything.
  void stranger() {
    const Bytes bytes = in_.bytes(std::min<std::size_t>(in_.u8(), in_.remaining()));
    std::vector<std::byte> message(bytes.begin(), bytes.end());
    static_cast<void>(turn::is_turn(message));
    const auto m = turn::parse(message);
    for (const auto& request : asked_) {
      if (m && m->stun.id == request.id) return;
    }
    const std::uint64_t before = state();
    if (const auto got = client_->on_message(now_, message)) {
      require(client_->may_send(now_, got->peer));
    }
    require(state() == before);
  }

  // The server answers one of the last requests as no server does.
  void answer_with_anything() {
    if (asked_.empty()) return;
    honest_ = false;
    auto request = asked_[asked_.size() - 1 - in_.u8() % asked_.size()];
    const std::uint8_t bits = in_.u8();
    if ((bits & 2) != 0) request.method = in_.u8();
    const auto code = static_cast<std::uint16_t>((bits & 4) != 0 ? 300 + in_.u16() % 400 : 0);
    const bool is_signed = (bits & 1) != 0;
    const bool was_allocated = client_->allocated();
    auto answer = server_->response(request, code, is_signed, [&](stun::Builder& b) {
      if ((bits & 8) != 0) server_->add_challenge(b);
      if ((bits & 16) != 0) {
        b.xor_address(static_cast<std::uint16_t>(turn::Attribute::xor_relayed_address), peer());
      }
      for (std::uint8_t n = in_.u8() % 6; n > 0; --n) {
        constexpr std::uint16_t types[] = {0x000D, 0x0012, 0x0014, 0x0015, 0x0016, 0x0020,
                                           0x0013, 0x8002, 0x8023, 0x7FFF, 0x8001, 0x001D};
        const std::uint16_t type = types[in_.u8() % std::size(types)];
        b.attribute(type, in_.bytes(std::min<std::size_t>(in_.u8(), in_.remaining())));
      }
    });
    require(!client_->on_message(now_, answer));
    // Whom nobody has signed for gives us no allocation.
    require(is_signed || was_allocated || !client_->allocated());
    while (client_->poll_event()) {
    }
  }

  void remember(const std::vector<std::byte>& request) {
    const auto m = stun::parse(request);
    if (m && m->kind == stun::Class::indication) return;  // a sign of life
    require(m && m->kind == stun::Class::request);
    require(request.size() <= 4096);
    test::TurnServer::Request r;
    r.method = m->method;
    r.id = m->id;
    r.has_integrity = m->has_integrity() || m->has_integrity_sha256();
    if (m->has_integrity_sha256()) r.algorithm = 2;
    if (asked_.size() == 16) asked_.erase(asked_.begin());
    asked_.push_back(r);
  }

  std::uint64_t state() const {
    StateHash hash;
    client_->hash_state(hash);
    return hash.value();
  }

  Reader in_;
  Instant now_{};
  std::optional<fuzz::Memory> memory_;
  fuzz::CountingRandom random_{7};
  std::optional<test::TurnServer> server_;
  std::optional<turn::Client> client_;
  std::vector<test::TurnServer::Request> asked_;  // the last ones
  bool honest_ = true;                            // the server has said nothing untrue
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  Script(std::as_bytes(std::span(data, size))).run();
  return 0;
}
