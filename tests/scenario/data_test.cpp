// What one sends, the other reads: once, whole, in order, on the worst of networks.
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "sim/pair.hpp"

namespace esp_peer::sim {
namespace {

using datachannel::StreamId;

class Data : public ::testing::Test {
 protected:
  void TearDown() override {
    for (const std::string& failure : world_.failures) ADD_FAILURE() << failure;
  }
  void begin(const PairOptions& options) {
    pair_ = std::make_unique<Pair>(world_, options);
    pair_->connect();
    ASSERT_TRUE(pair_->run_until_open());
  }
  // Sends all of them, waiting while the send buffer is full.
  void send_all(Peer& from, const std::vector<std::string>& texts, StreamId stream) {
    for (const std::string& text : texts) {
      for (int waits = 0;; ++waits) {
        ASSERT_LT(waits, 10'000);
        const Status sent = pair_->send(from, text, stream);
        if (sent) break;
        ASSERT_EQ(sent.code(), Errc::would_block);
        pair_->run_for(milliseconds(20));
      }
    }
  }
  StreamId first_stream() const { return pair_->left_ear.opened.front(); }

  World world_{3};
  std::unique_ptr<Pair> pair_;
};

std::vector<std::string> letters(int count) {
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) {
    const auto size = static_cast<std::size_t>(i * i * 7 % 9'000);
    texts.push_back(std::to_string(i) + std::string(size, static_cast<char>('a' + i % 26)));
  }
  return texts;
}

constexpr LinkOptions twenty_percent() {
  LinkOptions bad;
  bad.delay = milliseconds(30);
  bad.jitter = milliseconds(40);
  bad.reorder = true;
  bad.loss = 0.2;
  bad.duplication = 0.2;
  return bad;
}

TEST_F(Data, arrives_once_in_order_and_intact_where_a_fifth_is_lost_doubled_and_overtaken) {
  std::uint8_t net = 1;
  for (const Ciphers& cipher : every_cipher) {
    ++net;
    begin({.cipher = cipher,
           .left_addresses = {Address::v4(192, 0, net, 1, 0)},
           .right_addresses = {Address::v4(192, 0, net, 2, 0)},
           .link = twenty_percent()});
    const auto texts = letters(100);
    send_all(*pair_->left, texts, first_stream());
    send_all(*pair_->right, texts, first_stream());
    pair_->run_until(
        [&] {
          return pair_->left_ear.messages.size() >= texts.size() &&
                 pair_->right_ear.messages.size() >= texts.size();
        },
        seconds(600));
    pair_->run_for(seconds(10));
    EXPECT_EQ(pair_->texts(*pair_->right), texts);
    EXPECT_EQ(pair_->texts(*pair_->left), texts);
  }
}

TEST_F(Data, text_binary_and_nothing_at_all_keep_their_kinds) {
  using datachannel::Kind;
  begin({});
  for (const char* text : {"", "hello"}) {
    EXPECT_TRUE(pair_->send(*pair_->left, text, first_stream(), Kind::string));
    EXPECT_TRUE(pair_->send(*pair_->left, text, first_stream(), Kind::binary));
  }
  pair_->run_for(seconds(1));
  const auto& heard = pair_->right_ear.messages;
  ASSERT_EQ(heard.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(heard[i].body, i < 2 ? "" : "hello");
    EXPECT_EQ(heard[i].kind, i % 2 == 0 ? Kind::string : Kind::binary);
  }
}

TEST_F(Data, a_message_lost_on_one_channel_does_not_hold_up_another) {
  begin({});
  const auto other = pair_->left->command([](auto& session, Instant now) {
    auto created = session.create_channel(now, {.label = "other"});
    return created ? *created : StreamId{};
  });
  pair_->run_for(seconds(1));
  ASSERT_EQ(pair_->right_ear.opened.size(), 2u);
  int large_ones = 0;
  world_.network.set_tap([&](HostId from, const Route&, std::vector<std::byte>& datagram) {
    const bool large = from == pair_->left->host() && datagram.size() > 900;
    return !(large && large_ones++ == 0);
  });
  EXPECT_TRUE(pair_->send(*pair_->left, std::string(1'000, 'x'), first_stream()));
  EXPECT_TRUE(pair_->send(*pair_->left, "meanwhile", other));
  pair_->run_for(milliseconds(15));
  EXPECT_EQ(pair_->texts(*pair_->right), std::vector<std::string>{"meanwhile"});
  pair_->run_for(seconds(5));
  EXPECT_EQ(pair_->right_ear.messages.size(), 2u);
  EXPECT_EQ(large_ones, 2) << "lost once, and sent once more";
}

// covers: bug 71, fault 16
TEST_F(Data, a_slow_reader_stops_the_sender_and_loses_nothing) {
  begin({});
  pair_->right->set_reading(false);
  std::vector<std::string> sent;
  for (int i = 0; i < 1'000; ++i) {
    std::string text = std::to_string(i) + std::string(2'000, '.');
    if (!pair_->send(*pair_->left, text, first_stream())) break;
    sent.push_back(std::move(text));
    pair_->run_for(milliseconds(10));
  }
  EXPECT_LT(sent.size(), 1'000u) << "somewhere it must stop";
  EXPECT_LE(pair_->right->memory().live(), 300'000u) << "and not in the reader's memory";
  pair_->run_for(seconds(120));
  pair_->right->set_reading(true);
  pair_->run_for(seconds(120));
  EXPECT_EQ(pair_->texts(*pair_->right), sent);
}

// What stands behind unread messages is told when those are read, and not with the next datagram.
// covers: bug 71, fault 16
TEST_F(Data, a_slow_reader_that_goes_on_hears_of_channels_that_opened_and_closed_meanwhile) {
  begin({});
  const auto create = [&](const char* label) {
    return pair_->left->command([&](auto& session, Instant now) {
      auto created = session.create_channel(now, {.label = label});
      return created ? *created : StreamId{};
    });
  };
  const auto first = create("first");
  pair_->run_for(seconds(1));
  pair_->right->set_reading(false);
  ASSERT_TRUE(pair_->send(*pair_->left, "one", first));
  const auto second = create("second");
  ASSERT_TRUE(pair_->send(*pair_->left, "two", second));
  ASSERT_TRUE(pair_->send(*pair_->left, "three", first));
  EXPECT_TRUE(pair_->left->command(
      [](auto& session, Instant now) { return session.close_channel(now, "first"); }));
  pair_->run_for(milliseconds(500));
  EXPECT_TRUE(pair_->right_ear.messages.empty());
  pair_->right->set_reading(true);
  EXPECT_EQ(pair_->texts(*pair_->right), (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_EQ(pair_->right_ear.opened.size(), 3u);
  EXPECT_EQ(pair_->right_ear.closed, std::vector<StreamId>{first});
}

// [rfc9260#6.2] Datagrams that come in one burst are acknowledged two by two, or once if they are
// of our own kind: its runner asks between two of them whether it has to speak first.
TEST_F(Data, a_foreign_peer_is_owed_an_acknowledgement_at_every_second_packet_of_a_burst) {
  for (const bool foreign : {true, false}) {
    const std::uint8_t net = foreign ? 2 : 3;
    pair_ = std::make_unique<Pair>(
        world_, PairOptions{.left_addresses = {Address::v4(192, 0, net, 1, 0)},
                            .right_addresses = {Address::v4(192, 0, net, 2, 0)}});
    pair_->on_signal = [&](Peer&, std::string& sdp) {
      const std::string_view attribute = "a=x-esp-peer:1\r\n";
      const auto at = sdp.find(attribute);
      EXPECT_NE(at, sdp.npos);
      if (foreign && at != sdp.npos) sdp.erase(at, attribute.size());
      return true;
    };
    pair_->connect();
    ASSERT_TRUE(pair_->run_until_open());
    pair_->run_for(seconds(1));
    std::vector<std::pair<Route, std::vector<std::byte>>> burst;
    world_.network.set_tap([&](HostId from, const Route& route, std::vector<std::byte>& datagram) {
      if (from == pair_->left->host()) burst.emplace_back(route, datagram);
      return false;
    });
    for (int i = 0; i < 6; ++i) EXPECT_TRUE(pair_->send(*pair_->left, "x", first_stream()));
    ASSERT_EQ(burst.size(), 6u);
    std::vector<bool> owed;
    for (auto& [route, datagram] : burst) {
      pair_->right->session().on_datagram(world_.time.now(), {route.remote, route.local}, datagram);
      owed.push_back(pair_->right->session().owes_ack());
      if (owed.back()) pair_->right->set_reading(true);  // it speaks
      EXPECT_FALSE(pair_->right->session().owes_ack());
    }
    world_.network.set_tap({});
    const std::vector<bool> every_second{false, true, false, true, false, true};
    EXPECT_EQ(owed, foreign ? every_second : std::vector<bool>(6, false));
  }
}

// Contract rule 8: what waits to be fetched is never overwritten by what comes after it.
TEST_F(Data, sixty_four_of_everything_wait_to_be_fetched_and_keep_what_they_say) {
  PairOptions options;
  options.left.batch = 64;
  for (auto* side : {&options.left, &options.right}) {
    side->session.send_buffer = side->session.receive_buffer = 1'000'000;
  }
  begin(options);
  std::vector<std::string> labels;
  pair_->on_event = [&](Peer& peer, const peer::Event& event) {
    const auto* opened = std::get_if<peer::ChannelOpened>(&event);
    if (opened && &peer == pair_->right.get()) {
      labels.emplace_back(peer.session().channel_label(opened->stream).value_or(""));
    }
  };
  // Events: nobody fetches one before all channels are asked for.
  std::vector<StreamId> streams;
  std::vector<std::string> asked;
  pair_->left->command([&](auto& session, Instant now) {
    for (int i = 0; i < 64; ++i) {
      asked.push_back("channel " + std::to_string(i));
      auto made = session.create_channel(now, {.label = asked.back()});
      EXPECT_TRUE(static_cast<bool>(made));
      if (made) streams.push_back(*made);
    }
    return 0;
  });
  pair_->run_for(seconds(2));
  EXPECT_EQ(labels, asked);
  ASSERT_EQ(streams.size(), 64u);
  // Five large messages open the congestion window.
  send_all(*pair_->left, std::vector<std::string>(5, std::string(200'000, 'w')), first_stream());
  ASSERT_TRUE(pair_->run_until([&] { return pair_->right_ear.messages.size() == 5; }));
  // Datagrams, each of its own size, for no two fit into one; then messages, all of which have come
  // before one is read.
  std::size_t datagrams = 0;
  world_.network.set_tap([&](HostId from, const Route&, std::vector<std::byte>& datagram) {
    if (from == pair_->left->host() && datagram.size() > 640) ++datagrams;
    return true;
  });
  pair_->right->set_reading(false);
  pair_->right_ear.messages.clear();
  pair_->left->command([&](auto& session, Instant now) {
    for (std::size_t i = 0; i < 64; ++i) {
      const std::string text(640 + i, static_cast<char>('A' + i));
      EXPECT_TRUE(session.send_data(now, streams[i], datachannel::Kind::string, as_bytes(text)));
    }
    return 0;
  });
  EXPECT_EQ(datagrams, 64u);
  pair_->run_for(seconds(2));
  EXPECT_TRUE(pair_->right_ear.messages.empty());
  pair_->right->set_reading(true);
  ASSERT_EQ(pair_->right_ear.messages.size(), 64u);
  for (std::size_t i = 0; i < 64; ++i) {
    const HeardMessage& heard = pair_->right_ear.messages[i];
    EXPECT_EQ(heard.stream, streams[i]);
    EXPECT_EQ(heard.body, std::string(640 + i, static_cast<char>('A' + i)));
  }
}

// [rfc8832#5.1] Both lengths are of sixteen bits, and all of them are lawful. An OPEN counts only
// whole: a label that arrives says that the protocol behind it has.
class LongNames : public Data {
 protected:
  struct Names {
    std::string label, protocol;
  };
  void begin(std::uint32_t caches_of_left, std::uint32_t caches_of_right) {
    PairOptions options;
    options.left.session.send_buffer = options.left.session.receive_buffer = caches_of_left;
    options.right.session.send_buffer = options.right.session.receive_buffer = caches_of_right;
    Data::begin(options);
    pair_->on_event = [&](Peer& peer, const peer::Event& event) {
      const auto* opened = std::get_if<peer::ChannelOpened>(&event);
      if (!opened) return;
      opened_[&peer] = {opened->stream,
                        std::string(peer.session().channel_label(opened->stream).value_or("?"))};
    };
  }
  Result<StreamId> create(Peer& peer, const Names& names) {
    return peer.command([&](auto& session, Instant now) {
      return session.create_channel(now, {.label = names.label, .protocol = names.protocol});
    });
  }
  // It opens on both sides, and carries data both ways.
  void expect_open(Peer& from, const Names& names) {
    opened_.clear();
    auto stream = create(from, names);
    ASSERT_TRUE(static_cast<bool>(stream));
    ASSERT_TRUE(pair_->run_until([&] { return opened_.size() == 2; }));
    for (Peer* p : {&from, &pair_->other(from)}) {
      EXPECT_EQ(opened_[p].first, *stream);
      EXPECT_EQ(opened_[p].second, names.label);
      EXPECT_TRUE(pair_->send(*p, p->name(), *stream));
      auto& heard = pair_->ear(pair_->other(*p)).messages;
      ASSERT_TRUE(pair_->run_until([&] { return !heard.empty(); }));
      EXPECT_EQ(heard[0].stream, *stream);
      EXPECT_EQ(heard[0].body, p->name());
      heard.clear();
    }
  }
  std::array<Peer*, 2> both() { return {pair_->left.get(), pair_->right.get()}; }

  const std::string longest_label_ = std::string(65'535, 'L');
  const std::string longest_protocol_ = std::string(65'535, 'P');
  std::map<Peer*, std::pair<StreamId, std::string>> opened_;
};

// covers: bug 74
TEST_F(LongNames, of_65535_bytes_each_open_a_channel_from_either_side) {
  begin(300'000, 300'000);
  for (Peer* from : both()) expect_open(*from, {longest_label_, longest_protocol_});
  // Each further one is more than we keep; that is said, and what is there goes on.
  EXPECT_EQ(create(*pair_->left, {longest_label_, longest_protocol_}).error().code,
            Errc::over_limit);
  expect_open(*pair_->left, {"short", "too"});
}

// covers: bug 74
TEST_F(LongNames, fit_alone_into_caches_of_the_default_size) {
  begin(100'000, 100'000);
  for (Peer* from : both()) {
    expect_open(*from, {"protocol", longest_protocol_});
    EXPECT_TRUE(from->command(
        [](auto& session, Instant now) { return session.close_channel(now, "protocol"); }));
    pair_->run_for(seconds(5));
    EXPECT_EQ(create(*from, {longest_label_, longest_protocol_}).error().code, Errc::over_limit);
  }
}

// Whoever has room for them sends them to nobody who has none: that held the association up until
// it was given up.
// covers: must rfc8841#6.1
TEST_F(LongNames, are_not_sent_to_a_peer_that_announces_less) {
  begin(300'000, 100'000);
  EXPECT_EQ(create(*pair_->left, {longest_label_, longest_protocol_}).error().code,
            Errc::over_limit);
  expect_open(*pair_->left, {longest_label_, ""});
  pair_->run_for(seconds(600));
  EXPECT_TRUE(pair_->left->data_open());
  EXPECT_FALSE(pair_->left_ear.said(peer::State::disconnected));
}

TEST_F(Data, small_caches_carry_what_fits_into_them) {
  PairOptions options;
  options.left.session.send_buffer = options.right.session.send_buffer = 1'536;
  options.left.session.receive_buffer = options.right.session.receive_buffer = 1'536;
  begin(options);
  std::vector<std::string> texts;
  for (int i = 0; i < 50; ++i) texts.push_back(std::to_string(i) + std::string(700, 's'));
  send_all(*pair_->left, texts, first_stream());
  pair_->run_for(seconds(30));
  EXPECT_EQ(pair_->texts(*pair_->right), texts);
}

TEST_F(Data, a_path_of_1280_bytes_is_enough_for_everything) {
  LinkOptions narrow;
  narrow.mtu = 1'232;  // [rfc8261#5] what IPv6 promises, without its and UDP's header
  begin({.cipher = Cipher::openssl, .link = narrow});
  const std::vector<std::string> texts{std::string(50'000, 'm')};
  send_all(*pair_->left, texts, first_stream());
  pair_->run_for(seconds(10));
  EXPECT_EQ(pair_->texts(*pair_->right), texts);
}

// Acknowledged means delivered, also where the peer is gone before its last words are read.
class Farewell : public Data {
 protected:
  // The left one says so much, and hears that all of it has come; the right one reads nothing.
  void begin(bool reconnect = false) {
    PairOptions options;
    options.left.session.auto_reconnect = options.right.session.auto_reconnect = reconnect;
    Data::begin(options);
    pair_->on_event = [this](Peer& peer, const peer::Event& event) {
      const auto* changed = std::get_if<peer::StateChanged>(&event);
      if (&peer != pair_->right.get() || !changed) return;
      said_.push_back(changed->state);
      read_then_.push_back(pair_->right_ear.messages.size());
    };
    pair_->right->set_reading(false);
    for (int i = 0; i < 50; ++i) sent_.push_back(std::to_string(i) + std::string(700, '.'));
    send_all(*pair_->left, sent_, first_stream());
    pair_->run_for(seconds(5));
    EXPECT_EQ(pair_->left->session().data_stats().buffered, 0u) << "acknowledged";
    EXPECT_TRUE(pair_->right_ear.messages.empty());
  }
  // What the right one hears now: all of it, and then the end.
  void expect_all_and_the_end() {
    EXPECT_TRUE(said_.empty()) << "the end stands behind what was not read";
    EXPECT_FALSE(pair_->send(*pair_->right, "nobody hears this"));
    pair_->right->set_reading(true);
    EXPECT_EQ(pair_->texts(*pair_->right), sent_);
    EXPECT_EQ(said_, (std::vector{peer::State::data_closed, peer::State::data_disconnected,
                                  peer::State::disconnected}));
    EXPECT_EQ(read_then_, std::vector(3, sent_.size()));
    pair_->run_for(seconds(60));
    EXPECT_EQ(pair_->right_ear.messages.size(), sent_.size());
  }

  void leave_at_once() {
    EXPECT_TRUE(pair_->right->disconnect());
    EXPECT_EQ(said_, (std::vector{peer::State::data_closed, peer::State::data_disconnected,
                                  peer::State::disconnected}));
    pair_->right->set_reading(true);
    pair_->run_for(seconds(60));
    EXPECT_TRUE(pair_->right_ear.messages.empty());
    EXPECT_TRUE(pair_->right->connect()) << "it is over";
  }

  std::vector<std::string> sent_;
  std::vector<peer::State> said_;
  std::vector<std::size_t> read_then_;
};

TEST_F(Farewell, of_a_peer_that_leaves_comes_behind_what_it_said) {
  begin();
  EXPECT_TRUE(pair_->left->disconnect());
  pair_->run_for(seconds(5));
  expect_all_and_the_end();
}

TEST_F(Farewell, of_a_peer_that_dies_comes_behind_what_it_said) {
  begin();
  pair_->left->kill();
  EXPECT_TRUE(pair_->send(*pair_->right, "nobody is there"));
  pair_->run_for(seconds(60));
  EXPECT_GT(pair_->right->session().data_stats().buffered, 0u) << "no room for more of it";
  expect_all_and_the_end();
}

TEST_F(Farewell, of_a_peer_that_begins_anew_comes_behind_what_it_said) {
  begin(true);
  const std::string offer = pair_->left_ear.description;
  EXPECT_TRUE(pair_->left->disconnect());
  EXPECT_TRUE(pair_->left->connect());
  pair_->run_for(seconds(1));
  ASSERT_NE(pair_->left_ear.description, offer) << "that came to the right one";
  EXPECT_EQ(pair_->right->attempts(), 1);
  pair_->right->set_reading(true);
  EXPECT_EQ(pair_->texts(*pair_->right), sent_);
  const auto before = world_.time.now();
  EXPECT_TRUE(pair_->run_until([&] { return pair_->right->attempts() == 2; }));
  EXPECT_EQ(world_.time.now(), before) << "there is nothing to wait for";
  EXPECT_TRUE(pair_->run_until_open());
}

TEST_F(Farewell, of_our_own_waits_for_nothing_that_was_not_read) {
  begin();
  leave_at_once();
}

TEST_F(Farewell, of_our_own_ends_the_wait_for_what_was_not_read) {
  begin();
  EXPECT_TRUE(pair_->left->disconnect());
  pair_->run_for(seconds(5));
  EXPECT_TRUE(said_.empty());
  EXPECT_EQ(pair_->right->connect().code(), Errc::wrong_state) << "it is not over";
  leave_at_once();
}

}  // namespace
}  // namespace esp_peer::sim
