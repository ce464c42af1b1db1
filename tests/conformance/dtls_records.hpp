// What every DTLS backend keeps to with records of application data.
#pragma once
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/conformance/dtls_backend.hpp"

namespace esp_peer::test {

TEST_P(DtlsBackend, seals_in_the_room_where_the_plaintext_stands) {
  DtlsPair p(library());
  p.connect();
  Datagram room(200);
  const std::string text = "in place";
  copy_bytes(as_bytes(text), MutableBytes(room).subspan(dtls::Endpoint::seal_front));
  room.resize(p.client.endpoint->seal(
      p.now, Bytes(room).subspan(dtls::Endpoint::seal_front, text.size()), room));
  p.server.deliver(p.now, room);
  EXPECT_EQ(p.server.received, std::vector<std::string>{text});
}

TEST_P(DtlsBackend, seals_every_length_up_to_the_longest_and_nothing_where_room_is_short) {
  DtlsPair p(library());
  p.connect();
  for (std::size_t size = 1; size <= dtls::Endpoint::max_plaintext; ++size) {
    const std::string text(size, static_cast<char>('a' + size % 26));
    const Datagram sealed = p.client.seal(p.now, text);
    ASSERT_LE(sealed.size(), size + dtls::Endpoint::seal_overhead);
    p.server.received.clear();
    p.server.deliver(p.now, sealed);
    ASSERT_EQ(p.server.received, std::vector<std::string>{text}) << size;
  }
  EXPECT_TRUE(p.client.seal(p.now, std::string(dtls::Endpoint::max_plaintext + 1, 'x')).empty());
  EXPECT_TRUE(p.client.seal(p.now, "").empty());
  Datagram small(100 + dtls::Endpoint::seal_overhead - 1);
  EXPECT_EQ(p.client.endpoint->seal(p.now, as_bytes(std::string(100, 'x')), small), 0u);
  p.server.received.clear();
  p.server.deliver(p.now, p.client.seal(p.now, "still there"));
  EXPECT_EQ(p.server.received, std::vector<std::string>{"still there"});
}

TEST_P(DtlsBackend, several_records_in_one_datagram_are_read_one_by_one) {
  DtlsPair p(library());
  p.connect();
  std::vector<Datagram> sealed;
  std::vector<std::string> texts;
  for (int i = 0; i < 30; ++i) {
    texts.emplace_back(static_cast<std::size_t>(1 + i % 7), static_cast<char>('a' + i % 26));
    sealed.push_back(p.client.seal(p.now, texts.back()));
  }
  p.server.deliver(p.now, joined(sealed));
  EXPECT_EQ(p.server.received, texts);
}

// Contract rule 8: what waits to be fetched is never overwritten by what comes after it.
TEST_P(DtlsBackend, sixty_four_of_everything_wait_to_be_fetched_and_keep_what_they_say) {
  DtlsPair p(library());
  p.start();
  for (int i = 0; i < 4; ++i) {  // nobody fetches the flight, and it is written again
    p.move_to(p.now + milliseconds(100) * (1 << i));
    p.client.endpoint->on_deadline(p.now);
  }
  p.run_for(milliseconds(20));
  ASSERT_TRUE(p.connected());
  std::vector<Datagram> to_client, to_server;
  std::vector<std::string> texts;
  for (int i = 0; i < 64; ++i) {
    texts.push_back(std::to_string(i) + std::string(static_cast<std::size_t>(i) * 5, 'x'));
    to_client.push_back(p.server.seal(p.now, texts.back()));
    to_server.push_back(p.client.seal(p.now, texts.back()));
  }
  p.client.deliver(p.now, joined(to_client));
  for (const Datagram& one : to_server) p.server.deliver(p.now, one);
  EXPECT_EQ(p.client.received, texts);
  EXPECT_EQ(p.server.received, texts);
}

TEST_P(DtlsBackend, what_is_not_read_before_the_next_datagram_is_lost_and_nothing_else) {
  DtlsPair p(library());
  p.connect();
  Datagram unread = joined({p.client.seal(p.now, "one"), p.client.seal(p.now, "two")});
  p.server.endpoint->on_datagram(p.now, unread);
  EXPECT_EQ(as_text(p.server.endpoint->read(p.now)), "one");
  p.server.deliver(p.now, p.client.seal(p.now, "three"));
  EXPECT_EQ(p.server.received, std::vector<std::string>{"three"});
}

// covers: bug 14, must rfc6347#4.1.2.6
TEST_P(DtlsBackend, a_record_that_comes_twice_is_delivered_once) {
  DtlsPair p(library());
  p.connect();
  std::vector<Datagram> sealed;
  for (int i = 0; i < 40; ++i) sealed.push_back(p.client.seal(p.now, std::to_string(i)));
  std::mt19937 random(1);
  for (int round = 0; round < 5; ++round) {
    std::shuffle(sealed.begin(), sealed.end(), random);
    for (const Datagram& datagram : sealed) p.server.deliver(p.now, datagram);
    EXPECT_EQ(p.server.received.size(), 40u) << round;
  }
}

TEST_P(DtlsBackend, an_idle_connection_talks_again_in_both_directions) {
  DtlsPair p(library());
  p.connect();
  for (int i = 0; i < 4; ++i) {
    p.run_for(seconds(i == 2 ? 3600 : 3));
    DtlsSide& first = i % 2 ? p.client : p.server;
    DtlsSide& second = i % 2 ? p.server : p.client;
    second.deliver(p.now, first.seal(p.now, "wake up"));
    first.deliver(p.now, second.seal(p.now, "awake"));
    ASSERT_EQ(p.client.received.size() + p.server.received.size(),
              2u * (static_cast<unsigned>(i) + 1));
  }
  p.run_for(seconds(3));
  p.client.endpoint->close(p.now);
  p.run_for(milliseconds(5));
  EXPECT_EQ(p.server.count<dtls::Closed>(), 1u);
}

}  // namespace esp_peer::test
