// Hundreds of data channels between two peers of the C API, over sockets.
#include <map>
#include <set>

#include "tests/capi/peer_harness.hpp"

namespace esp_peer::test {
namespace {

constexpr std::size_t of_each_side = 150;

// covers: changelog 62, must rfc8831#6.7
TEST(ManyChannels, three_hundred_open_talk_and_close_and_their_labels_open_again) {
  Couple c;
  c.cat.cfg.manual_ch_create = c.sheep.cfg.manual_ch_create = true;
  c.connect_here();
  const auto labels_of = [](const std::vector<std::pair<std::string, std::uint16_t>>& channels) {
    std::map<std::string, std::uint16_t> labels;
    for (const auto& [label, stream] : channels) labels[label] = stream;
    return labels;
  };
  for (const std::string round : {"first", "second"}) {
    SCOPED_TRACE(round);
    c.cat.forget();
    c.sheep.forget();
    for (std::size_t i = 0; i < of_each_side; ++i) {
      const std::string number = std::to_string(i);
      ASSERT_EQ(c.cat.create_channel("cat " + number, i % 2 == 0), ESP_PEER_ERR_NONE);
      ASSERT_EQ(c.sheep.create_channel("sheep " + number, i % 2 == 0), ESP_PEER_ERR_NONE);
    }
    ASSERT_TRUE(c.pump_until([&] {
      return c.cat.opened.size() == 2 * of_each_side && c.sheep.opened.size() == 2 * of_each_side;
    }));
    const auto channels = labels_of(c.cat.opened);
    ASSERT_EQ(channels.size(), 2 * of_each_side) << "each has a label of its own";
    EXPECT_EQ(labels_of(c.sheep.opened), channels) << "both call them the same";

    for (const auto& [label, stream] : channels) {
      ASSERT_EQ(c.cat.send("to the sheep: " + label, stream), ESP_PEER_ERR_NONE);
      ASSERT_EQ(c.sheep.send("to the cat: " + label, stream), ESP_PEER_ERR_NONE);
    }
    ASSERT_TRUE(c.pump_until([&] {
      return c.cat.messages.size() == channels.size() && c.sheep.messages.size() == channels.size();
    }));
    std::set<std::uint16_t> heard;
    for (const Message& m : c.sheep.messages) {
      heard.insert(m.stream);
      const auto label = m.body.substr(std::string("to the sheep: ").size());
      EXPECT_EQ(channels.at(label), m.stream);
    }
    EXPECT_EQ(heard.size(), channels.size());

    // Each by one of them, and heard of by both; what was said last still arrives.
    c.cat.messages.clear();
    c.sheep.messages.clear();
    std::size_t n = 0, by_cat = 0;
    for (const auto& [label, stream] : channels) {
      const bool cat_closes = ++n % 2 == 0;
      by_cat += cat_closes ? 1 : 0;
      Peer& closer = cat_closes ? c.cat : c.sheep;
      ASSERT_EQ(closer.send("last", stream), ESP_PEER_ERR_NONE);
      ASSERT_EQ(esp_peer_close_data_channel(closer.handle, label.c_str()), ESP_PEER_ERR_NONE);
    }
    ASSERT_TRUE(c.pump_until([&] {
      return c.cat.closed.size() == channels.size() && c.sheep.closed.size() == channels.size();
    }));
    EXPECT_EQ(labels_of(c.cat.closed), channels);
    EXPECT_EQ(labels_of(c.sheep.closed), channels);
    EXPECT_EQ(c.sheep.messages.size(), by_cat);
    EXPECT_EQ(c.cat.messages.size(), channels.size() - by_cat);
    EXPECT_FALSE(c.cat.has(ESP_PEER_STATE_DISCONNECTED));
  }
}

}  // namespace
}  // namespace esp_peer::test
