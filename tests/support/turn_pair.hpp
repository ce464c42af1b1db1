// A TURN client and a server, with a wire between them that may lose and forge.
#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "backends/openssl/provider.hpp"
#include "tests/support/test_env.hpp"
#include "tests/support/turn_server.hpp"
#include "turn/client.hpp"

namespace esp_peer::test {

class TurnPair {
 public:
  using Message = TurnServer::Message;
  // Sees a message on its way; false loses it.
  using Wire = std::function<bool(Message&)>;

  explicit TurnPair(TurnServerOptions server_options = {}, turn::Options options = {},
                    std::uint64_t seed = 1)
      : parts(seed),
        server(server_with(std::move(server_options), options.stream)),
        client(options, server_address, openssl::provider(), parts.env) {}

  turn::Client& allocate() {
    EXPECT_TRUE(client.allocate(now, server.options().user, server.options().password));
    settle();
    return client;
  }
  // All that has to be said now is said and answered.
  void settle() {
    for (int i = 0; i < 200; ++i) {
      Message request(4096);
      const std::size_t size = client.write_request(now, request);
      if (size == 0) break;
      request.resize(size);
      if (to_server && !to_server(request)) continue;
      if (client.server() != server_address) continue;  // it is somewhere else
      if (auto answer = server.on_message(now, us, request)) deliver(*answer);
    }
    while (auto event = client.poll_event()) events.push_back(*event);
  }
  void deliver(Message message) {
    if (to_client && !to_client(message)) return;
    EXPECT_FALSE(client.on_message(now, message)) << "an answer is no data of a peer";
  }
  // Time passes, by deadlines of the client.
  void run_until(Instant until) {
    for (int i = 0; i < 1'000'000; ++i) {
      const auto next = client.next_deadline();
      if (!next || *next > until) break;
      now = std::max(now, *next);
      client.on_deadline(now);
      ASSERT_TRUE(!client.next_deadline() || *client.next_deadline() > now) << "it spins";
      settle();
    }
    now = until;
  }
  void run_for(Duration time) { run_until(now + time); }

  // What the peer gets of a payload that the client sends it; empty: nothing.
  std::string send(const Address& peer, std::string_view payload) {
    Message out(2000);
    const std::size_t size = client.wrap(now, peer, as_bytes(payload), out);
    if (size == 0) return {};
    out.resize(size);
    last_wrapped = out;
    EXPECT_FALSE(server.on_message(now, us, out));
    const auto arrived = server.take_to_peers();
    if (arrived.size() != 1 || arrived[0].peer != peer) return {};
    return std::string(as_text(arrived[0].payload));
  }
  // What the client gets of a payload that the peer sends it.
  std::string receive(const Address& peer, std::string_view payload) {
    const auto to_us =
        server.on_peer(now, *client.relayed(turn::family_of(peer)), peer, as_bytes(payload));
    if (!to_us) return {};
    EXPECT_EQ(to_us->client, us);
    Message message = to_us->message;
    last_wrapped = message;
    const auto relayed = client.on_message(now, message);
    if (!relayed || relayed->peer != peer) return {};
    EXPECT_EQ(relayed->relayed, client.relayed(turn::family_of(peer)));
    return std::string(as_text(relayed->payload));
  }

  template <class Event>
  const Event* event() const {
    return events.size() == 1 ? std::get_if<Event>(&events[0]) : nullptr;
  }
  std::uint64_t state() const {
    StateHash hash;
    client.hash_state(hash);
    return hash.value();
  }

  static constexpr Address us = Address::v4(192, 0, 2, 10, 5000);
  static constexpr Address server_address = Address::v4(198, 51, 100, 1, 3478);
  TestEnv parts;
  TurnServer server;
  turn::Client client;
  Instant now = at_ms(0);
  Wire to_server, to_client;
  std::vector<turn::Client::Event> events;
  Message last_wrapped;

 private:
  static TurnServerOptions server_with(TurnServerOptions options, bool stream) {
    options.stream = stream;
    return options;
  }
};

}  // namespace esp_peer::test
