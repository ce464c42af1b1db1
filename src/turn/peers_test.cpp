// Permissions, channels and what passes through them.
#include <gtest/gtest.h>

#include "tests/support/turn_pair.hpp"

namespace esp_peer::turn {
namespace {

using test::at_ms;
using test::TurnPair;
using Request = test::TurnServer::Request;
using Message = test::TurnServer::Message;

constexpr Address peer = Address::v4(203, 0, 113, 5, 7000);
constexpr Address other = Address::v4(203, 0, 113, 6, 7000);

// covers: must rfc8656#9
TEST(TurnPermission, comes_before_the_first_byte) {
  TurnPair pair;
  pair.allocate();
  EXPECT_EQ(pair.send(peer, "too early"), "");
  ASSERT_TRUE(pair.client.permit(pair.now, peer));
  EXPECT_EQ(pair.send(peer, "still too early"), "");
  pair.settle();
  EXPECT_EQ(pair.send(peer, "hello"), "hello");
  EXPECT_EQ(pair.receive(peer, "hello"), "hello");
  EXPECT_EQ(pair.send(other, "nobody asked"), "");
  EXPECT_TRUE(pair.server.complaints().empty());
}

TEST(TurnPermission, is_for_an_ip_address_whatever_the_port) {
  TurnPair pair;
  pair.allocate();
  ASSERT_TRUE(pair.client.permit(pair.now, peer));
  ASSERT_TRUE(pair.client.permit(pair.now, peer.with_port(9)));
  pair.settle();
  EXPECT_EQ(pair.server.count(method::create_permission), 1u);
  EXPECT_EQ(pair.send(peer.with_port(1234), "hello"), "hello");
  EXPECT_EQ(pair.receive(peer.with_port(4321), "hello"), "hello");
}

TEST(TurnPermission, may_be_wanted_before_there_is_an_allocation) {
  TurnPair pair;
  ASSERT_TRUE(pair.client.permit(pair.now, peer));
  pair.allocate();
  EXPECT_TRUE(pair.client.may_send(pair.now, peer));
}

// covers: must rfc8656#9, fault 6, changelog 28
TEST(TurnPermission, is_renewed_a_minute_before_its_five_are_over) {
  TurnPair pair;
  pair.allocate();
  ASSERT_TRUE(pair.client.permit(pair.now, peer));
  pair.settle();
  pair.run_until(at_ms(239'999));
  EXPECT_EQ(pair.server.count(method::create_permission), 1u);
  pair.run_until(at_ms(240'000));
  EXPECT_EQ(pair.server.count(method::create_permission), 2u);
  for (int i = 0; i < 40; ++i) {
    pair.run_for(seconds(60));
    EXPECT_TRUE(pair.server.has_permission(pair.now, TurnPair::us, peer));
  }
}

// covers: fault 6
TEST(TurnPermission, whose_renewals_are_lost_is_not_relied_on_and_comes_back) {
  TurnPair pair;
  pair.allocate();
  ASSERT_TRUE(pair.client.permit(pair.now, peer));
  pair.settle();
  pair.to_server = [](Message& m) { return (m[1] & std::byte{0x0F}) != std::byte{8}; };
  pair.run_until(at_ms(299'999));
  EXPECT_TRUE(pair.client.may_send(pair.now, peer));
  pair.run_until(at_ms(300'000));
  EXPECT_FALSE(pair.client.may_send(pair.now, peer));
  pair.to_server = {};
  pair.run_for(seconds(45));
  EXPECT_TRUE(pair.client.may_send(pair.now, peer));
  EXPECT_EQ(pair.send(peer, "hello"), "hello");
}

TEST(TurnPermission, that_is_refused_costs_no_other_peer_anything) {
  TurnPair pair;
  pair.allocate();
  pair.server.options().forbidden.insert(peer);
  ASSERT_TRUE(pair.client.permit(pair.now, peer));
  ASSERT_TRUE(pair.client.permit(pair.now, other));
  pair.settle();
  EXPECT_EQ(pair.client.last_error(), 403);
  EXPECT_FALSE(pair.client.may_send(pair.now, peer));
  EXPECT_EQ(pair.send(other, "hello"), "hello");
  pair.run_for(seconds(200));
  EXPECT_EQ(pair.server.count(method::create_permission), 2u) << "who is refused does not insist";
  EXPECT_TRUE(pair.client.allocated());
}

TEST(TurnPermission, a_full_server_is_asked_again_after_a_minute) {
  TurnPair pair;
  pair.allocate();
  pair.server.answer_with([&](const Request& r) -> std::optional<Message> {
    return pair.server.response(r, 508, true);
  });
  ASSERT_TRUE(pair.client.permit(pair.now, peer));
  pair.settle();
  pair.server.answer_with({});
  pair.run_for(milliseconds(59'999));
  EXPECT_FALSE(pair.client.may_send(pair.now, peer));
  pair.run_for(milliseconds(1));
  EXPECT_TRUE(pair.client.may_send(pair.now, peer));
}

TEST(TurnPermission, there_are_so_many_and_no_more) {
  TurnPair pair({}, {.max_peers = 3});
  pair.allocate();
  for (std::uint8_t i = 1; i <= 3; ++i) {
    EXPECT_TRUE(pair.client.permit(pair.now, Address::v4(203, 0, 113, i, 1)));
  }
  EXPECT_EQ(pair.client.permit(pair.now, peer).code(), Errc::over_limit);
  pair.client.forget(pair.now, Address::v4(203, 0, 113, 2, 99));
  EXPECT_TRUE(pair.client.permit(pair.now, peer));
  pair.settle();
  EXPECT_EQ(pair.send(peer, "hello"), "hello");
  EXPECT_EQ(pair.receive(Address::v4(203, 0, 113, 2, 1), "forgotten"), "");
  pair.run_for(seconds(400));
  EXPECT_FALSE(pair.server.has_permission(pair.now, TurnPair::us, Address::v4(203, 0, 113, 2, 1)));
}

TEST(TurnPermission, eight_requests_are_on_their_way_at_once) {
  TurnPair pair;
  pair.allocate();
  pair.to_server = [](Message&) { return false; };
  for (std::uint8_t i = 1; i <= 20; ++i) {
    ASSERT_TRUE(pair.client.permit(pair.now, Address::v4(203, 0, 113, i, 1)));
  }
  int written = 0;
  Message room(2000);
  while (pair.client.write_request(pair.now, room) != 0) ++written;
  EXPECT_EQ(written, 8);
  pair.to_server = {};
  pair.run_for(seconds(10));
  for (std::uint8_t i = 1; i <= 20; ++i) {
    EXPECT_TRUE(pair.client.may_send(pair.now, Address::v4(203, 0, 113, i, 1)));
  }
}

// covers: must rfc8656#10.1
TEST(TurnChannel, saves_the_long_header_once_it_is_bound) {
  TurnPair pair;
  pair.allocate();
  ASSERT_TRUE(pair.client.permit(pair.now, peer));
  pair.settle();
  EXPECT_EQ(pair.send(peer, "12345"), "12345");
  EXPECT_EQ(pair.last_wrapped.size(), 20u + 12 + 4 + 8);
  pair.to_server = [](Message& m) { return (m[1] & std::byte{0x0F}) != std::byte{9}; };
  ASSERT_TRUE(pair.client.bind(pair.now, peer));
  pair.settle();
  EXPECT_EQ(pair.send(peer, "12345"), "12345") << "by indication, until it is bound";
  EXPECT_EQ(pair.last_wrapped.size(), 20u + 12 + 4 + 8);
  pair.to_server = {};
  pair.run_for(seconds(1));
  EXPECT_TRUE(pair.client.bound(pair.now, peer));
  EXPECT_EQ(pair.send(peer, "12345"), "12345");
  EXPECT_EQ(pair.last_wrapped.size(), 4u + 5) << "no padding over UDP";
  EXPECT_EQ(pair.receive(peer, "abc"), "abc");
  EXPECT_EQ(pair.last_wrapped.size(), 4u + 3);
  EXPECT_EQ(pair.send(peer.with_port(8), "x"), "x") << "another port is another peer";
  EXPECT_GT(pair.last_wrapped.size(), 20u);
}

// covers: must rfc8656#12, changelog 50
TEST(TurnChannel, over_a_stream_is_padded_to_four) {
  TurnPair pair({}, {.stream = true});
  pair.allocate();
  ASSERT_TRUE(pair.client.bind(pair.now, peer));
  pair.settle();
  for (std::size_t size = 0; size < 9; ++size) {
    const std::string payload(size, 'x');
    std::vector<std::byte> out(100, std::byte{0x55});
    out.resize(pair.client.wrap(pair.now, peer, as_bytes(payload), out));
    EXPECT_EQ(out.size(), (4 + size + 3) / 4 * 4);
    for (std::size_t i = 4 + size; i < out.size(); ++i) EXPECT_EQ(out[i], std::byte{0});
    EXPECT_EQ(pair.receive(peer, payload), payload);
  }
  EXPECT_TRUE(pair.server.complaints().empty());
}

// covers: bug 36, fault 6
TEST(TurnChannel, is_renewed_a_minute_before_its_ten_are_over) {
  TurnPair pair;
  pair.allocate();
  ASSERT_TRUE(pair.client.bind(pair.now, peer));
  pair.settle();
  pair.run_until(at_ms(539'999));
  EXPECT_EQ(pair.server.count(method::channel_bind), 1u);
  pair.run_until(at_ms(540'000));
  EXPECT_EQ(pair.server.count(method::channel_bind), 2u);
  for (int i = 0; i < 60; ++i) {
    pair.run_for(seconds(60));
    EXPECT_TRUE(pair.server.has_channel(pair.now, TurnPair::us, peer));
    EXPECT_EQ(pair.send(peer, "data"), "data");
    EXPECT_EQ(pair.last_wrapped.size(), 8u);
  }
  EXPECT_TRUE(pair.server.complaints().empty());
}

// [rfc8656#12] Over UDP data may overtake the answer that says so.
TEST(TurnChannel, may_speak_before_its_answer_comes) {
  TurnPair pair;
  pair.allocate();
  ASSERT_TRUE(pair.client.permit(pair.now, peer));
  pair.settle();
  pair.to_client = [](Message&) { return false; };
  ASSERT_TRUE(pair.client.bind(pair.now, peer));
  pair.settle();
  ASSERT_TRUE(pair.server.has_channel(pair.now, TurnPair::us, peer));
  EXPECT_EQ(pair.receive(peer, "early"), "early");
  EXPECT_EQ(pair.last_wrapped.size(), 4u + 5);
}

TEST(TurnChannel, that_is_refused_leaves_indications) {
  for (const int refusal : {400, 403, 443, 486}) {
    const auto code = static_cast<std::uint16_t>(refusal);
    TurnPair pair;
    pair.allocate();
    pair.server.answer_with([&](const Request& r) -> std::optional<Message> {
      if (r.method != method::channel_bind) return std::nullopt;
      return pair.server.response(r, code, true);
    });
    ASSERT_TRUE(pair.client.bind(pair.now, peer));
    pair.settle();
    EXPECT_FALSE(pair.client.bound(pair.now, peer));
    EXPECT_EQ(pair.send(peer, "hello"), "hello");
    EXPECT_TRUE(pair.client.bind(pair.now, peer));
    pair.settle();
    EXPECT_EQ(pair.server.count(method::channel_bind), 1u);
  }
}

// covers: must rfc8656#12
TEST(TurnChannel, numbers_rest_for_five_minutes_behind_their_end) {
  TurnPair pair({}, {.max_channels = 2});
  pair.allocate();
  ASSERT_TRUE(pair.client.bind(pair.now, peer));
  pair.settle();
  pair.client.forget(pair.now, peer);
  ASSERT_TRUE(pair.client.bind(pair.now, other));
  pair.settle();
  const Address third = Address::v4(203, 0, 113, 7, 7000);
  EXPECT_EQ(pair.client.bind(pair.now, third).code(), Errc::over_limit);
  pair.run_until(at_ms(899'999));
  EXPECT_EQ(pair.client.bind(pair.now, third).code(), Errc::over_limit);
  EXPECT_EQ(pair.send(third, "hello"), "hello") << "by indication";
  pair.run_until(at_ms(900'000));
  EXPECT_TRUE(pair.client.bind(pair.now, third));
  pair.settle();
  EXPECT_TRUE(pair.client.bound(pair.now, third));
  EXPECT_TRUE(pair.server.complaints().empty()) << pair.server.complaints()[0];
}

// covers: must rfc8656#12
TEST(TurnChannel, one_that_nobody_has_confirmed_may_be_bound_all_the_same) {
  TurnPair pair({}, {.max_channels = 1});
  pair.allocate();
  ASSERT_TRUE(pair.client.permit(pair.now, peer));
  pair.settle();
  pair.to_client = [](Message& m) { return (m[1] & std::byte{0x0F}) != std::byte{9}; };
  ASSERT_TRUE(pair.client.bind(pair.now, peer));
  pair.settle();
  pair.run_for(seconds(40));  // seven requests, and no answer
  pair.to_client = {};
  pair.client.forget(pair.now, peer);
  pair.run_until(at_ms(900'000));
  EXPECT_EQ(pair.client.bind(pair.now, other).code(), Errc::over_limit);
  pair.run_until(at_ms(1'000'000));
  EXPECT_TRUE(pair.client.bind(pair.now, other));
  pair.settle();
  EXPECT_TRUE(pair.server.complaints().empty());
}

// covers: must rfc8656#12
TEST(TurnChannel, a_peer_that_comes_back_has_its_old_number) {
  TurnPair pair;
  pair.allocate();
  ASSERT_TRUE(pair.client.bind(pair.now, peer));
  pair.settle();
  const auto number = pair.server.requests().back().channel;
  ASSERT_EQ(number, first_channel);
  pair.client.forget(pair.now, peer);
  pair.run_for(seconds(30));
  ASSERT_TRUE(pair.client.bind(pair.now, peer));
  pair.settle();
  EXPECT_TRUE(pair.client.bound(pair.now, peer));
  EXPECT_EQ(pair.server.requests().back().channel, number);
  EXPECT_EQ(pair.send(peer, "hello"), "hello");
  EXPECT_TRUE(pair.server.complaints().empty());
}

TEST(TurnChannel, ten_thousand_peers_never_meet_a_number_that_rests) {
  TurnPair pair({}, {.max_channels = 5});
  pair.allocate();
  for (unsigned i = 0; i < 10'000; ++i) {
    const Address one = Address::v4(203, 0, static_cast<std::uint8_t>(i >> 8),
                                    static_cast<std::uint8_t>(i & 0xFF), 1);
    static_cast<void>(pair.client.bind(pair.now, one));
    pair.settle();
    pair.client.forget(pair.now, one);
    pair.run_for(seconds(181));  // five of them: a little more than what one rests
  }
  EXPECT_GT(pair.server.count(method::channel_bind), 9'000u) << "past all 4096 numbers";
  EXPECT_TRUE(pair.server.complaints().empty()) << pair.server.complaints()[0];
}

// covers: fault 6
TEST(TurnStaleNonce, is_replaced_in_the_midst_of_everything) {
  TurnPair pair;
  pair.allocate();
  ASSERT_TRUE(pair.client.bind(pair.now, peer));
  pair.settle();
  for (int minute = 0; minute < 60; ++minute) {
    pair.server.expire_nonces();
    ASSERT_TRUE(pair.client.permit(pair.now, Address::v4(203, 0, 114, 9, 1)));
    pair.run_for(seconds(60));
    ASSERT_TRUE(pair.server.has_permission(pair.now, TurnPair::us, peer));
    ASSERT_TRUE(pair.server.has_channel(pair.now, TurnPair::us, peer));
    ASSERT_EQ(pair.server.allocations(pair.now), 1u);
  }
}

// covers: must rfc8656#11.1
TEST(TurnData, of_nobody_we_know_is_dropped_and_changes_nothing) {
  TurnPair pair;
  pair.allocate();
  ASSERT_TRUE(pair.client.bind(pair.now, peer));
  pair.settle();
  const auto before = pair.state();
  const auto indication = [&](std::uint16_t method, auto fill) {
    Message bytes(2000);
    stun::Builder b(bytes, stun::Class::indication, method, {});
    fill(b);
    bytes.resize(b.finish());
    return pair.client.on_message(pair.now, bytes).has_value();
  };
  const auto from = [](const Address& a) {
    return [a](stun::Builder& b) {
      b.xor_address(static_cast<std::uint16_t>(Attribute::xor_peer_address), a);
      b.attribute(static_cast<std::uint16_t>(Attribute::data), as_bytes("data"));
    };
  };
  EXPECT_TRUE(indication(method::data, from(peer)));
  EXPECT_FALSE(indication(method::data, from(other))) << "no permission";
  EXPECT_FALSE(indication(method::send, from(peer)));
  EXPECT_FALSE(indication(method::data, from(*parse_ip("2001:db8::1", 9))));
  EXPECT_FALSE(indication(method::data, [](stun::Builder&) {}));
  EXPECT_FALSE(indication(method::data, [](stun::Builder& b) {
    b.attribute(static_cast<std::uint16_t>(Attribute::data), as_bytes("of nobody"));
  }));
  EXPECT_FALSE(indication(method::data, [](stun::Builder& b) {  // ICMP says something else
    b.xor_address(static_cast<std::uint16_t>(Attribute::xor_peer_address), peer);
    b.attribute(static_cast<std::uint16_t>(Attribute::icmp), as_bytes("12345678"));
  }));
  EXPECT_FALSE(indication(method::data, [&](stun::Builder& b) {
    from(peer)(b);
    b.attribute(0x7FFF, {});
  }));
  // ChannelData: numbers that are nobody's, and lengths that are not there.
  for (const unsigned number : {0x4001u, 0x4FFFu}) {
    Message bytes(8);
    Writer w(bytes);
    w.u16(static_cast<std::uint16_t>(number));
    w.u16(4);
    EXPECT_FALSE(pair.client.on_message(pair.now, bytes));
  }
  for (const unsigned length : {5u, 6u, 0xFFFFu}) {
    Message bytes(8);
    Writer w(bytes);
    w.u16(first_channel);
    w.u16(static_cast<std::uint16_t>(length));
    EXPECT_FALSE(pair.client.on_message(pair.now, bytes));
  }
  for (std::size_t size = 0; size < 4; ++size) {
    Message bytes(size, std::byte{0x40});
    EXPECT_FALSE(pair.client.on_message(pair.now, bytes));
  }
  EXPECT_EQ(pair.state(), before);
}

TEST(TurnData, an_empty_datagram_is_one_too) {
  TurnPair pair;
  pair.allocate();
  ASSERT_TRUE(pair.client.bind(pair.now, peer));
  ASSERT_TRUE(pair.client.permit(pair.now, other));
  pair.settle();
  for (const Address& who : {peer, other}) {
    auto to_us = pair.server.on_peer(pair.now, *pair.client.relayed(Family::v4), who, {});
    ASSERT_TRUE(to_us);
    const auto relayed = pair.client.on_message(pair.now, to_us->message);
    ASSERT_TRUE(relayed);
    EXPECT_TRUE(relayed->payload.empty());
    EXPECT_EQ(relayed->peer, who);
  }
}

TEST(TurnData, may_stand_where_it_is_wrapped) {
  TurnPair pair;
  pair.allocate();
  ASSERT_TRUE(pair.client.bind(pair.now, peer));
  ASSERT_TRUE(pair.client.permit(pair.now, other));
  pair.settle();
  for (const std::size_t at :
       {std::size_t{0}, std::size_t{4}, std::size_t{36}, Client::max_front, std::size_t{60}}) {
    for (const Address& who : {peer, other}) {
      Message room(200);
      const std::string_view text = "a payload of some length";
      copy_bytes(as_bytes(text), MutableBytes(room).subspan(at));
      room.resize(pair.client.wrap(pair.now, who, Bytes(room).subspan(at, text.size()), room));
      static_cast<void>(pair.server.on_message(pair.now, TurnPair::us, room));
      const auto arrived = pair.server.take_to_peers();
      ASSERT_EQ(arrived.size(), 1u);
      EXPECT_EQ(as_text(arrived[0].payload), text);
    }
  }
}

TEST(TurnData, that_does_not_fit_is_not_cut) {
  TurnPair pair;
  pair.allocate();
  ASSERT_TRUE(pair.client.bind(pair.now, peer));
  ASSERT_TRUE(pair.client.permit(pair.now, other));
  pair.settle();
  for (std::size_t size = 0; size < 60; ++size) {
    Message room(size);
    EXPECT_EQ(pair.client.wrap(pair.now, peer, as_bytes("1234567"), room), size < 11 ? 0u : 11u);
    EXPECT_EQ(pair.client.wrap(pair.now, other, as_bytes("1234567"), room), size < 44 ? 0u : 44u);
  }
}

TEST(TurnMessage, is_told_from_a_binding_message_on_the_same_socket) {
  const auto of = [](stun::Class kind, std::uint16_t method) {
    std::array<std::byte, 100> room{};
    stun::Builder b(room, kind, method, {});
    const std::size_t size = b.finish();
    return is_turn(Bytes(room).first(size));
  };
  for (const auto kind :
       {stun::Class::request, stun::Class::indication, stun::Class::success, stun::Class::error}) {
    EXPECT_FALSE(of(kind, stun::binding));
    EXPECT_TRUE(of(kind, method::allocate));
    EXPECT_TRUE(of(kind, method::channel_bind));
    EXPECT_FALSE(of(kind, 0x101));
  }
  const std::byte channel[] = {std::byte{0x4F}, std::byte{0}, std::byte{0}, std::byte{0}};
  EXPECT_TRUE(is_turn(channel));
  EXPECT_FALSE(is_turn({}));
  const std::byte dtls[30] = {std::byte{22}};
  EXPECT_FALSE(is_turn(dtls));
}

}  // namespace
}  // namespace esp_peer::turn
