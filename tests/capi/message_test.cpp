// Messages and channels: how large, how many, to whom, and what stands behind them.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/capi/local_network.hpp"
#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

// What the configuration says, and the largest message that follows from it.
struct Caches {
  std::uint32_t given;
  std::size_t largest;
};

class Sizes : public testing::TestWithParam<Caches> {};

TEST_P(Sizes, nothing_one_byte_and_the_largest_arrive_and_one_more_is_refused) {
  Couple c;
  for (Peer* p : {&c.cat, &c.sheep}) {
    auto& caches = p->ext.base.data_ch_cfg;
    caches.send_cache_size = caches.recv_cache_size = GetParam().given;
  }
  c.connect_here();
  const std::size_t largest = GetParam().largest;
  EXPECT_NE(c.cat.descriptions[0].find("a=max-message-size:" + std::to_string(largest) + "\r\n"),
            std::string::npos);
  std::size_t arrived = 0;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, largest - 1, largest}) {
    std::string body(size, '\0');
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>(i * 7 + i / 256);
    for (const auto type : {ESP_PEER_DATA_CHANNEL_STRING, ESP_PEER_DATA_CHANNEL_DATA}) {
      ASSERT_TRUE(c.pump_until([&] { return c.cat.send(body, 0, type) == ESP_PEER_ERR_NONE; }))
          << size;
      ASSERT_TRUE(c.pump_until([&] { return c.sheep.messages.size() > arrived; })) << size;
      EXPECT_EQ(c.sheep.messages[arrived].body, body);
      EXPECT_EQ(c.sheep.messages[arrived].type, type);
      ++arrived;
    }
  }
  EXPECT_EQ(c.cat.send(std::string(largest + 1, 'x')), ESP_PEER_ERR_OVER_LIMITED);
  EXPECT_TRUE(c.pump_until([&] { return c.cat.send("still there") == ESP_PEER_ERR_NONE; }));
}

INSTANTIATE_TEST_SUITE_P(EveryCache, Sizes,
                         testing::Values(Caches{1, 1500}, Caches{1536, 1536}, Caches{0, 100'000},
                                         Caches{262'144, 262'144}, Caches{300'000, 262'144},
                                         Caches{0xFFFF'FFFF, 262'144}),
                         [](const auto& p) { return std::to_string(p.param.given); });

// covers: bug 46, must rfc8841#6.1
TEST(Messages, are_as_large_as_the_smaller_of_what_we_keep_and_what_the_peer_takes) {
  Couple c;
  c.cat.ext.base.data_ch_cfg.send_cache_size = 50'000;
  c.sheep.ext.base.data_ch_cfg.recv_cache_size = 20'000;
  c.sheep.ext.base.data_ch_cfg.send_cache_size = 30'000;  // and the cat takes 100,000
  c.connect_here();
  EXPECT_EQ(c.cat.send(std::string(20'001, 'x')), ESP_PEER_ERR_OVER_LIMITED);
  EXPECT_EQ(c.cat.send(std::string(20'000, 'x')), ESP_PEER_ERR_NONE);
  EXPECT_EQ(c.sheep.send(std::string(30'001, 'x')), ESP_PEER_ERR_OVER_LIMITED);
  EXPECT_EQ(c.sheep.send(std::string(30'000, 'x')), ESP_PEER_ERR_NONE);
  EXPECT_TRUE(c.pump_until([&] { return c.cat.received == 1 && c.sheep.received == 1; }));
}

TEST(Messages, have_a_zero_byte_behind_them_that_is_not_counted) {
  Couple c;
  c.connect_here();
  // The harness looks behind each; none of these has a zero of its own.
  for (std::size_t size = 0; size < 70; ++size) {
    ASSERT_EQ(c.cat.send(std::string(size, 'x'), 0, ESP_PEER_DATA_CHANNEL_DATA), ESP_PEER_ERR_NONE);
  }
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.received == 70; }));
  for (std::size_t size = 0; size < 70; ++size) EXPECT_EQ(c.sheep.messages[size].body.size(), size);
}

TEST(Messages, may_be_freed_by_their_sender_at_once) {
  Couple c;
  c.connect_here();
  for (int i = 0; i < 50; ++i) {
    std::string body = "number " + std::to_string(i);
    esp_peer_data_frame_t frame{ESP_PEER_DATA_CHANNEL_DATA, 0,
                                reinterpret_cast<std::uint8_t*>(body.data()),
                                static_cast<int>(body.size())};
    ASSERT_EQ(esp_peer_send_data(c.cat.handle, &frame), ESP_PEER_ERR_NONE);
    std::fill(body.begin(), body.end(), '?');
  }
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.received == 50; }));
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(c.sheep.messages[i].body, "number " + std::to_string(i));
  }
}

TEST(Messages, of_a_full_cache_are_taken_again_in_their_order) {
  Couple c;
  c.cat.ext.base.data_ch_cfg.send_cache_size = 5'000;
  c.connect_here();
  int blocked = 0;
  for (int i = 0; i < 300; ++i) {
    std::string body(700, 'x');
    body.replace(0, 4, std::to_string(1000 + i));
    int result = c.cat.send(body);
    if (result == ESP_PEER_ERR_WOULD_BLOCK) {
      ++blocked;
      ASSERT_TRUE(c.pump_until([&] {
        result = c.cat.send(body);
        return result != ESP_PEER_ERR_WOULD_BLOCK;
      }));
    }
    ASSERT_EQ(result, ESP_PEER_ERR_NONE) << i;
  }
  EXPECT_GT(blocked, 10);
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.received == 300; }));
  for (std::size_t i = 0; i < 300; ++i) {
    EXPECT_EQ(c.sheep.messages[i].body.substr(0, 4), std::to_string(1000 + i));
  }
}

TEST(Channels, stream_0_is_the_channel_0_if_it_is_open_else_the_first) {
  Couple c;
  c.cat.cfg.manual_ch_create = c.sheep.cfg.manual_ch_create = true;
  c.connect_here();
  const auto streams_of = [&](std::size_t n) {
    EXPECT_TRUE(
        c.pump_until([&] { return c.cat.opened.size() == n && c.sheep.opened.size() == n; }));
    return c.cat.opened.back().second;
  };
  // The cat, who offered, is the DTLS server: its streams are odd.
  ASSERT_EQ(c.cat.create_channel("first"), ESP_PEER_ERR_NONE);
  const std::uint16_t first = streams_of(1);
  EXPECT_EQ(first % 2, 1);
  ASSERT_EQ(c.cat.create_channel("second"), ESP_PEER_ERR_NONE);
  EXPECT_EQ(streams_of(2) % 2, 1);
  ASSERT_EQ(c.cat.send("to the first", 0), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.received == 1; }));
  EXPECT_EQ(c.sheep.messages[0].stream, first);

  ASSERT_EQ(c.sheep.create_channel("zero"), ESP_PEER_ERR_NONE);
  EXPECT_EQ(streams_of(3), 0);
  ASSERT_EQ(c.cat.send("to zero", 0), ESP_PEER_ERR_NONE);
  ASSERT_EQ(c.cat.send("by its number", first), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.received == 3; }));
  for (const Message& m : c.sheep.messages) {
    EXPECT_EQ(m.stream, m.body == "to zero" ? 0 : first) << m.body;
  }
}

// covers: changelog 62, changelog 59
TEST(Channels, of_every_kind_open_on_both_sides_and_deliver) {
  Couple c;
  c.cat.cfg.manual_ch_create = c.sheep.cfg.manual_ch_create = true;
  c.connect_here();
  std::size_t made = 0;
  for (const auto type :
       {ESP_PEER_DATA_CHANNEL_RELIABLE, ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_TIMEOUT,
        ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_RETX}) {
    for (const bool ordered : {true, false}) {
      for (const std::uint16_t limit : {std::uint16_t{0}, std::uint16_t{500}}) {
        std::string label = "\xC3\xA4 " + std::to_string(made);
        esp_peer_data_channel_cfg_t channel{};
        channel.type = type;
        channel.ordered = ordered;
        channel.label = label.data();
        channel.max_packet_lifetime = limit;
        ASSERT_EQ(esp_peer_create_data_channel(c.cat.handle, &channel), ESP_PEER_ERR_NONE);
        std::fill(label.begin(), label.end(), '?');  // it is copied
        ++made;
      }
    }
  }
  ASSERT_TRUE(
      c.pump_until([&] { return c.cat.opened.size() == made && c.sheep.opened.size() == made; }));
  for (std::size_t i = 0; i < made; ++i) {
    EXPECT_EQ(c.cat.opened[i].first, "\xC3\xA4 " + std::to_string(i));
    EXPECT_NE(std::find(c.sheep.opened.begin(), c.sheep.opened.end(), c.cat.opened[i]),
              c.sheep.opened.end());
    ASSERT_EQ(c.cat.send(c.cat.opened[i].first, c.cat.opened[i].second), ESP_PEER_ERR_NONE);
  }
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.received == made; }));
  for (const Message& m : c.sheep.messages) {
    const auto sent =
        std::find(c.sheep.opened.begin(), c.sheep.opened.end(), std::pair{m.body, m.stream});
    EXPECT_NE(sent, c.sheep.opened.end()) << m.body << " on " << m.stream;
  }
}

// What is older than its lifetime when the wire carries again is not sent any more. One of the two
// has the lifetime of its channel, the other has none of its own; each is the short one once.
TEST(Channels, without_a_lifetime_of_their_own_have_cache_timeout_for_one) {
  constexpr std::uint16_t short_ms = 300, long_ms = 60'000;
  for (const bool cache_is_short : {true, false}) {
    Wire wire;
    Couple c;
    c.cat.carry = [&](std::string sdp) { return wire.carry(Wire::cat, std::move(sdp)); };
    c.sheep.carry = [&](std::string sdp) { return wire.carry(Wire::sheep, std::move(sdp)); };
    c.cat.cfg.manual_ch_create = c.sheep.cfg.manual_ch_create = true;
    c.cat.ext.base.data_ch_cfg.cache_timeout = cache_is_short ? short_ms : long_ms;
    c.connect();
    const auto create = [&](std::string label, esp_peer_data_channel_reliable_type_t type,
                            std::uint16_t lifetime) {
      const std::size_t n = c.cat.opened.size() + 1;
      esp_peer_data_channel_cfg_t channel{};
      channel.type = type;
      channel.ordered = true;
      channel.label = label.data();
      channel.max_packet_lifetime = lifetime;
      EXPECT_EQ(esp_peer_create_data_channel(c.cat.handle, &channel), ESP_PEER_ERR_NONE);
      EXPECT_TRUE(c.cat.wait_for([&] { return c.cat.opened.size() == n; }));
      const std::lock_guard lock(c.cat.mutex);
      return c.cat.opened.back().second;
    };
    const auto timeout = ESP_PEER_DATA_CHANNEL_PARTIAL_RELIABLE_TIMEOUT;
    const auto by_cache = create("cache_timeout", timeout, 0);
    const auto by_itself = create("its own", timeout, cache_is_short ? long_ms : short_ms);
    const auto reliable = create("reliable", ESP_PEER_DATA_CHANNEL_RELIABLE, 0);
    wire.cut();
    const auto records = [&] {
      const auto sent = wire.sent_by(Wire::cat);
      return std::count_if(sent.begin(), sent.end(), [](const auto& d) { return d[0] == 23; });
    };
    const auto before = records();
    for (const auto stream : {by_cache, by_itself, reliable}) {
      ASSERT_EQ(c.cat.send("into the dark", stream), ESP_PEER_ERR_NONE);
    }
    std::this_thread::sleep_for(Milliseconds(5 * short_ms));
    // The wire has lost all three: beside them and a late SACK only what is sent again can come.
    const auto end = std::chrono::steady_clock::now() + patience;
    while (records() < before + 5 && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(10ms);
    }
    ASSERT_GE(records(), before + 5) << "nothing was sent again";
    wire.mend();
    const auto kept = cache_is_short ? by_itself : by_cache;
    const auto heard = [&](std::size_t count) {
      return c.sheep.wait_for([&] { return c.sheep.messages.size() == count; });
    };
    ASSERT_TRUE(heard(2));
    ASSERT_EQ(c.cat.send("out of it", reliable), ESP_PEER_ERR_NONE);
    ASSERT_TRUE(heard(3));
    const std::lock_guard lock(c.sheep.mutex);
    std::vector<std::uint16_t> streams;
    for (const Message& m : c.sheep.messages) streams.push_back(m.stream);
    EXPECT_EQ(streams, (std::vector<std::uint16_t>{kept, reliable, reliable}));
  }
}

// covers: bug 74
TEST(Channels, have_labels_of_up_to_65535_bytes) {
  Couple c;
  c.cat.cfg.manual_ch_create = c.sheep.cfg.manual_ch_create = true;
  c.connect_here();
  const std::string longest(65'535, 'l');
  EXPECT_EQ(c.cat.create_channel(longest + "l"), ESP_PEER_ERR_INVALID_ARG);
  ASSERT_EQ(c.cat.create_channel(longest), ESP_PEER_ERR_NONE);
  ASSERT_EQ(c.cat.create_channel(""), ESP_PEER_ERR_NONE) << "empty is a label too";
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.opened.size() == 2 && c.cat.opened.size() == 2; }));
  EXPECT_EQ(c.sheep.opened[0].first, longest);
  EXPECT_EQ(c.sheep.opened[1].first, "");
}

// covers: changelog 62
TEST(Channels, are_closed_by_label_all_of_them_and_nothing_is_sent_on_them) {
  Couple c;
  c.cat.cfg.manual_ch_create = c.sheep.cfg.manual_ch_create = true;
  c.connect_here();
  for (const char* label : {"twin", "other", "twin"}) {
    ASSERT_EQ(c.cat.create_channel(label), ESP_PEER_ERR_NONE);
  }
  ASSERT_TRUE(c.pump_until([&] { return c.cat.opened.size() == 3 && c.sheep.opened.size() == 3; }));
  std::vector<std::uint16_t> twins;
  for (const auto& [label, stream] : c.cat.opened) {
    if (label == "twin") twins.push_back(stream);
  }
  ASSERT_EQ(twins.size(), 2u);
  EXPECT_EQ(esp_peer_close_data_channel(c.cat.handle, "twin"), ESP_PEER_ERR_NONE);
  ASSERT_TRUE(c.pump_until([&] { return c.cat.closed.size() == 2; }));
  EXPECT_EQ(c.cat.count(ESP_PEER_STATE_DATA_CHANNEL_CLOSED), 2);
  EXPECT_EQ(c.cat.closed[0].first, "twin");
  EXPECT_EQ(c.cat.closed[1].first, "twin");
  for (const std::uint16_t stream : twins) {
    EXPECT_EQ(c.cat.send("x", stream), ESP_PEER_ERR_NOT_EXISTS);
  }
  EXPECT_EQ(esp_peer_close_data_channel(c.cat.handle, "twin"), ESP_PEER_ERR_NOT_EXISTS) << "again";
  EXPECT_EQ(c.cat.send("x", 0), ESP_PEER_ERR_NONE) << "the other is left";
  EXPECT_EQ(esp_peer_close_data_channel(c.cat.handle, "other"), ESP_PEER_ERR_NONE);
  EXPECT_EQ(c.cat.send("x", 0), ESP_PEER_ERR_WRONG_STATE) << "none is open";
  // The other side hears of each, behind what was sent before.
  ASSERT_TRUE(c.pump_until([&] { return c.sheep.closed.size() == 3; }));
  EXPECT_EQ(c.sheep.count(ESP_PEER_STATE_DATA_CHANNEL_CLOSED), 3);
  EXPECT_EQ(c.sheep.received, 1u);
  EXPECT_EQ(c.sheep.send("x", 0), ESP_PEER_ERR_WRONG_STATE);
}

TEST(Channels, are_refused_to_a_peer_that_did_not_want_any) {
  Couple c;
  c.sheep.cfg.enable_data_channel = false;
  c.never_wait();
  c.open();
  EXPECT_EQ(esp_peer_new_connection(c.sheep.handle), ESP_PEER_ERR_NOT_SUPPORT);
  EXPECT_EQ(c.sheep.send("x"), ESP_PEER_ERR_WRONG_STATE);
  EXPECT_EQ(c.sheep.create_channel("x"), ESP_PEER_ERR_WRONG_STATE);
}

}  // namespace
}  // namespace esp_peer::test
