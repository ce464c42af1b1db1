// What esp_peer_ext.h adds to data channels: protocols, priorities, negotiated streams, how much
// waits, and figures.
#include <cstring>
#include <string>

#include "tests/capi/local_network.hpp"
#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

std::uint32_t buffered(Peer& peer) {
  std::uint32_t bytes = 0;
  EXPECT_EQ(esp_peer_ext_buffered_amount(peer.handle, &bytes), ESP_PEER_ERR_NONE);
  return bytes;
}
esp_peer_ext_stats_t stats_of(Peer& peer) {
  esp_peer_ext_stats_t stats{};
  stats.size = sizeof(stats);
  EXPECT_EQ(esp_peer_ext_get_stats(peer.handle, &stats), ESP_PEER_ERR_NONE);
  return stats;
}

class Extended : public testing::Test {
 public:
  Extended() {
    c.never_wait();
    c.cat.cfg.manual_ch_create = c.sheep.cfg.manual_ch_create = true;
  }
  int create(Peer& peer, const esp_peer_ext_channel_cfg_t& channel) {
    return esp_peer_ext_create_channel(peer.handle, &channel, &stream);
  }
  static esp_peer_ext_channel_cfg_t channel(const char* label) {
    esp_peer_ext_channel_cfg_t cfg{};
    cfg.base.label = const_cast<char*>(label);
    cfg.base.ordered = true;
    return cfg;
  }
  std::uint16_t stream = 99;
  int writable = 0;
  Couple c;
};

TEST_F(Extended, a_channel_says_its_stream_at_once) {
  c.connect_here();
  auto cfg = channel("chat");
  cfg.protocol = "json";
  cfg.priority = 512;
  ASSERT_EQ(create(c.cat, cfg), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return !c.cat.opened.empty() && !c.sheep.opened.empty(); }));
  EXPECT_EQ(c.cat.opened[0], std::pair(std::string("chat"), stream));
  EXPECT_EQ(c.sheep.opened[0], std::pair(std::string("chat"), stream));
}

// What a protocol is the C API does not tell: that all of it goes over is seen by its bytes.
// covers: bug 74
TEST_F(Extended, a_protocol_has_up_to_65535_bytes) {
  c.connect_here();
  const std::string longest(65'535, 'p'), longer = longest + "p";
  auto cfg = channel("chat");
  cfg.protocol = longer.c_str();
  EXPECT_EQ(create(c.cat, cfg), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(stream, 99);
  const auto before = stats_of(c.sheep).wire_bytes_received;
  cfg.protocol = longest.c_str();
  ASSERT_EQ(create(c.cat, cfg), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return !c.cat.opened.empty() && !c.sheep.opened.empty(); }));
  EXPECT_EQ(c.sheep.opened[0], std::pair(std::string("chat"), stream)) << "the label is no longer";
  EXPECT_GT(stats_of(c.sheep).wire_bytes_received - before, longest.size());
  ASSERT_EQ(c.cat.send("hello", stream), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.received == 1; }));
  EXPECT_EQ(c.sheep.messages[0].body, "hello");
}

TEST_F(Extended, a_negotiated_channel_is_open_when_both_have_created_it_and_nothing_is_said) {
  c.connect_here();
  auto cfg = channel("agreed");
  cfg.negotiated = true;
  cfg.stream_id = 700;
  ASSERT_EQ(create(c.cat, cfg), ESP_PEER_ERR_NONE);
  EXPECT_EQ(stream, 700);
  for (int i = 0; i < 50; ++i) {
    for (Peer* p : {&c.cat, &c.sheep}) esp_peer_main_loop(p->handle);
  }
  EXPECT_EQ(c.cat.opened.size(), 1u);
  EXPECT_TRUE(c.sheep.opened.empty()) << "nobody told it";
  cfg.base.label = const_cast<char*>("another name, the same stream");
  ASSERT_EQ(create(c.sheep, cfg), ESP_PEER_ERR_NONE);
  ASSERT_EQ(c.cat.send("to you", 700), ESP_PEER_ERR_NONE);
  ASSERT_EQ(c.sheep.send("and to you", 700), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.cat.received == 1 && c.sheep.received == 1; }));
  EXPECT_EQ(c.sheep.messages[0].stream, 700);
  EXPECT_EQ(c.cat.messages[0].body, "and to you");
  // Others find streams beside it.
  EXPECT_EQ(create(c.sheep, cfg), ESP_PEER_ERR_INVALID_ARG) << "in use";
  cfg.stream_id = 65'535;
  EXPECT_EQ(create(c.sheep, cfg), ESP_PEER_ERR_INVALID_ARG) << "no stream";
  cfg.stream_id = 0;
  ASSERT_EQ(create(c.cat, cfg), ESP_PEER_ERR_NONE);
  cfg.stream_id = 1;
  ASSERT_EQ(create(c.cat, cfg), ESP_PEER_ERR_NONE);
  ASSERT_EQ(create(c.cat, channel("in band")), ESP_PEER_ERR_NONE);
  EXPECT_GT(stream, 1);
  EXPECT_NE(stream, 700);
}

TEST_F(Extended, a_channel_has_a_label_and_an_association) {
  auto cfg = channel("early");
  c.open();
  EXPECT_EQ(create(c.cat, cfg), ESP_PEER_ERR_WRONG_STATE);
  cfg.base.label = nullptr;
  EXPECT_EQ(create(c.cat, cfg), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_ext_create_channel(c.cat.handle, nullptr, nullptr), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(stream, 99) << "set on success alone";
}

TEST_F(Extended, what_waits_is_counted_and_told_when_it_has_become_little) {
  c.cat.cfg.manual_ch_create = c.sheep.cfg.manual_ch_create = false;
  // The harness owns ctx; the test is found by it.
  static Extended* self;
  self = this;
  c.cat.ext.on_writable = [](void* ctx) {
    EXPECT_EQ(ctx, &self->c.cat);
    EXPECT_LE(buffered(self->c.cat), 5000u);
    return ++self->writable;
  };
  c.connect_here();
  EXPECT_EQ(esp_peer_ext_set_low_threshold(c.cat.handle, 5000), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return buffered(c.cat) == 0; }));
  const int before = writable;
  ASSERT_EQ(c.cat.send(std::string(1000, 'x')), ESP_PEER_ERR_NONE);
  EXPECT_GE(buffered(c.cat), 1000u);
  ASSERT_TRUE(c.pump_until([&] { return buffered(c.cat) == 0; }));
  EXPECT_EQ(writable, before) << "it was never above the threshold";
  for (int round = 1; round <= 3; ++round) {
    while (c.cat.send(std::string(1000, 'x')) == ESP_PEER_ERR_NONE) {
    }
    EXPECT_GT(buffered(c.cat), 90'000u);
    ASSERT_TRUE(c.pump_until([&] { return writable > before + round - 1; }));
    EXPECT_EQ(writable, before + round) << "once";
  }
  // An end empties the buffer and is no time to send.
  while (c.cat.send(std::string(1000, 'x')) == ESP_PEER_ERR_NONE) {
  }
  ASSERT_EQ(esp_peer_disconnect(c.cat.handle), ESP_PEER_ERR_NONE);
  EXPECT_EQ(buffered(c.cat), 0u);
  EXPECT_EQ(writable, before + 3);
}

TEST_F(Extended, what_went_through_is_counted) {
  c.cat.cfg.manual_ch_create = c.sheep.cfg.manual_ch_create = false;
  c.open();
  EXPECT_EQ(stats_of(c.cat).datagrams_sent, 0u);
  c.begin();
  ASSERT_TRUE(c.pump_until([&] { return c.cat.has(ESP_PEER_STATE_DATA_CHANNEL_OPENED); }));
  for (int i = 0; i < 10; ++i) ASSERT_EQ(c.cat.send("12345"), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.received == 10 && buffered(c.cat) == 0; }));
  const auto cat = stats_of(c.cat), sheep = stats_of(c.sheep);
  EXPECT_EQ(cat.messages_sent, 10u);
  EXPECT_EQ(cat.bytes_sent, 50u);
  EXPECT_EQ(sheep.messages_received, 10u);
  EXPECT_EQ(sheep.bytes_received, 50u);
  EXPECT_EQ(sheep.messages_sent, 0u);
  EXPECT_EQ(cat.channels, 1u);
  EXPECT_GT(cat.round_trip_us, 0u);
  EXPECT_GT(cat.wire_bytes_sent, 50u);
  EXPECT_GE(cat.datagrams_sent, sheep.datagrams_received);
  EXPECT_GT(sheep.datagrams_received, 5u);
  EXPECT_GE(cat.wire_bytes_sent, sheep.wire_bytes_received);
}

TEST_F(Extended, figures_go_into_a_struct_of_any_age) {
  c.open();
  struct {
    esp_peer_ext_stats_t known;
    std::uint64_t unknown[2];
  } newer;
  std::memset(&newer, 0xAA, sizeof(newer));
  newer.known.size = sizeof(newer);
  EXPECT_EQ(esp_peer_ext_get_stats(c.cat.handle, &newer.known), ESP_PEER_ERR_NONE);
  EXPECT_EQ(newer.unknown[1], 0u) << "what we do not know is zero";
  EXPECT_EQ(newer.known.size, sizeof(newer));

  esp_peer_ext_stats_t older;
  std::memset(&older, 0xAA, sizeof(older));
  older.size = offsetof(esp_peer_ext_stats_t, channels);
  EXPECT_EQ(esp_peer_ext_get_stats(c.cat.handle, &older), ESP_PEER_ERR_NONE);
  EXPECT_EQ(older.buffered, 0u);
  EXPECT_EQ(older.channels, 0xAAAAAAAAu) << "beyond its end nothing is written";
  older.size = 3;
  EXPECT_EQ(esp_peer_ext_get_stats(c.cat.handle, &older), ESP_PEER_ERR_INVALID_ARG);
}

TEST(Extensions, of_no_peer_are_refused) {
  std::uint32_t bytes = 0;
  esp_peer_ext_stats_t stats{};
  stats.size = sizeof(stats);
  esp_peer_ext_channel_cfg_t channel{};
  EXPECT_EQ(esp_peer_ext_buffered_amount(nullptr, &bytes), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_ext_set_low_threshold(nullptr, 0), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_ext_get_stats(nullptr, &stats), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_ext_create_channel(nullptr, &channel, nullptr), ESP_PEER_ERR_INVALID_ARG);
}

// Somebody else's implementation has none of this.
TEST(Extensions, of_another_implementation_are_not_supported) {
  esp_peer_ops_t ops{};
  ops.open = [](esp_peer_cfg_t*, esp_peer_handle_t* h) {
    static int nothing;
    *h = &nothing;
    return 0;
  };
  ops.close = [](esp_peer_handle_t) { return 0; };
  esp_peer_cfg_t cfg{};
  esp_peer_handle_t peer = nullptr;
  ASSERT_EQ(esp_peer_open(&cfg, &ops, &peer), ESP_PEER_ERR_NONE);
  esp_peer_ext_failure_t failure{};
  std::uint32_t bytes = 0;
  EXPECT_EQ(esp_peer_ext_get_failure(peer, &failure), ESP_PEER_ERR_NOT_SUPPORT);
  EXPECT_EQ(esp_peer_ext_buffered_amount(peer, &bytes), ESP_PEER_ERR_NOT_SUPPORT);
  EXPECT_EQ(esp_peer_close(peer), ESP_PEER_ERR_NONE);
}

}  // namespace
}  // namespace esp_peer::test
