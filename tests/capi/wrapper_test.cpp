// The public functions over somebody else's implementation: what they check, and what they forward.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "esp_peer.h"
#include "esp_peer_default.h"

namespace esp_peer::test {
namespace {

// What the implementation was called with, and what it will say.
struct Foreign {
  std::string called;
  std::vector<const void*> arguments;
  int number = 0;
  int answer = 0;
  bool closed = false;
} foreign;
int inner_object;

int note(const char* operation, esp_peer_handle_t inner, std::vector<const void*> arguments = {},
         int number = 0) {
  EXPECT_EQ(inner, &inner_object) << "its own handle, not the one of esp_peer_open()";
  foreign.called = operation;
  foreign.arguments = std::move(arguments);
  foreign.number = number;
  return foreign.answer;
}

esp_peer_ops_t all_operations() {
  esp_peer_ops_t ops{};
  ops.open = [](esp_peer_cfg_t* cfg, esp_peer_handle_t* inner) {
    foreign.called = "open";
    foreign.arguments = {cfg};
    *inner = &inner_object;
    return foreign.answer;
  };
  ops.new_connection = [](esp_peer_handle_t h) { return note("new_connection", h); };
  ops.update_ice_info = [](esp_peer_handle_t h, esp_peer_role_t role,
                           esp_peer_ice_server_cfg_t* servers, int count) {
    return note("update_ice_info", h, {servers}, 10 * count + static_cast<int>(role));
  };
  ops.send_msg = [](esp_peer_handle_t h, esp_peer_msg_t* m) { return note("send_msg", h, {m}); };
  ops.send_video = [](esp_peer_handle_t h, esp_peer_video_frame_t* f) {
    return note("send_video", h, {f});
  };
  ops.send_audio = [](esp_peer_handle_t h, esp_peer_audio_frame_t* f) {
    return note("send_audio", h, {f});
  };
  ops.send_data = [](esp_peer_handle_t h, esp_peer_data_frame_t* f) {
    return note("send_data", h, {f});
  };
  ops.create_data_channel = [](esp_peer_handle_t h, esp_peer_data_channel_cfg_t* c) {
    return note("create_data_channel", h, {c});
  };
  ops.close_data_channel = [](esp_peer_handle_t h, const char* label) {
    return note("close_data_channel", h, {label});
  };
  ops.main_loop = [](esp_peer_handle_t h) { return note("main_loop", h); };
  ops.disconnect = [](esp_peer_handle_t h) { return note("disconnect", h); };
  ops.query = [](esp_peer_handle_t h) { note("query", h); };
  ops.close = [](esp_peer_handle_t h) {
    foreign.closed = true;
    return note("close", h);
  };
  ops.set_rtp_transformer = [](esp_peer_handle_t h, esp_peer_rtp_transform_role_t role,
                               esp_peer_rtp_transform_cb_t* cb, void* ctx) {
    return note("set_rtp_transformer", h, {cb, ctx}, static_cast<int>(role));
  };
  return ops;
}

esp_peer_ice_server_cfg_t servers[2];
esp_peer_msg_t msg;
esp_peer_video_frame_t video;
esp_peer_audio_frame_t audio;
esp_peer_data_frame_t data;
esp_peer_data_channel_cfg_t channel;
esp_peer_rtp_transform_cb_t transformer;
constexpr char label[] = "label";

using Call = std::function<int(esp_peer_handle_t)>;
// Every function that takes a handle, but close.
std::vector<std::pair<std::string, Call>> all_calls() {
  return {
      {"new_connection", esp_peer_new_connection},
      {"update_ice_info",
       [](auto h) { return esp_peer_update_ice_info(h, ESP_PEER_ROLE_CONTROLLED, servers, 2); }},
      {"send_msg", [](auto h) { return esp_peer_send_msg(h, &msg); }},
      {"send_video", [](auto h) { return esp_peer_send_video(h, &video); }},
      {"send_audio", [](auto h) { return esp_peer_send_audio(h, &audio); }},
      {"send_data", [](auto h) { return esp_peer_send_data(h, &data); }},
      {"create_data_channel", [](auto h) { return esp_peer_create_data_channel(h, &channel); }},
      {"close_data_channel", [](auto h) { return esp_peer_close_data_channel(h, label); }},
      {"main_loop", esp_peer_main_loop},
      {"disconnect", esp_peer_disconnect},
      {"query", esp_peer_query},
      {"set_rtp_transformer",
       [](auto h) {
         return esp_peer_set_rtp_transformer(h, ESP_PEER_RTP_TRANSFORM_ROLE_RECEIVER, &transformer,
                                             &inner_object);
       }},
  };
}

class Wrapper : public testing::Test {
 protected:
  void SetUp() override {
    foreign = Foreign{};
    ASSERT_EQ(esp_peer_open(&cfg, &ops, &peer), ESP_PEER_ERR_NONE);
  }
  void TearDown() override { esp_peer_close(peer); }

  esp_peer_cfg_t cfg{};
  esp_peer_ops_t ops = all_operations();
  esp_peer_handle_t peer = nullptr;
};

TEST_F(Wrapper, forwards_every_call_and_its_answer) {
  for (const auto& [name, call] : all_calls()) {
    foreign.answer = name == "query" ? ESP_PEER_ERR_NONE : ESP_PEER_ERR_OVER_LIMITED;
    EXPECT_EQ(call(peer), foreign.answer) << name;
    EXPECT_EQ(foreign.called, name);
  }
}

TEST_F(Wrapper, forwards_arguments_as_they_are) {
  const std::vector<std::pair<std::string, std::pair<std::vector<const void*>, int>>> expected = {
      {"update_ice_info", {{servers}, 21}},
      {"send_msg", {{&msg}, 0}},
      {"send_video", {{&video}, 0}},
      {"send_audio", {{&audio}, 0}},
      {"send_data", {{&data}, 0}},
      {"create_data_channel", {{&channel}, 0}},
      {"close_data_channel", {{label}, 0}},
      {"set_rtp_transformer", {{&transformer, &inner_object}, 1}},
  };
  std::size_t compared = 0;
  for (const auto& [name, call] : all_calls()) {
    call(peer);
    for (const auto& [operation, arguments] : expected) {
      if (operation != name) continue;
      EXPECT_EQ(foreign.arguments, arguments.first) << name;
      EXPECT_EQ(foreign.number, arguments.second) << name;
      ++compared;
    }
  }
  EXPECT_EQ(compared, expected.size());
}

TEST_F(Wrapper, leaves_null_to_the_operation_but_for_frames) {
  EXPECT_EQ(esp_peer_send_msg(peer, nullptr), ESP_PEER_ERR_NONE);
  EXPECT_EQ(foreign.called, "send_msg");
  EXPECT_EQ(esp_peer_create_data_channel(peer, nullptr), ESP_PEER_ERR_NONE);
  EXPECT_EQ(esp_peer_close_data_channel(peer, nullptr), ESP_PEER_ERR_NONE);
  EXPECT_EQ(esp_peer_update_ice_info(peer, ESP_PEER_ROLE_CONTROLLING, nullptr, 0),
            ESP_PEER_ERR_NONE);
  EXPECT_EQ(
      esp_peer_set_rtp_transformer(peer, ESP_PEER_RTP_TRANSFORM_ROLE_SENDER, nullptr, nullptr),
      ESP_PEER_ERR_NONE)
      << "NULL takes the transformer away";
  foreign.called = "";
  EXPECT_EQ(esp_peer_send_video(peer, nullptr), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_send_audio(peer, nullptr), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_send_data(peer, nullptr), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_get_paired_addr(peer, nullptr), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(foreign.called, "");
}

TEST_F(Wrapper, has_a_copy_of_the_operations) {
  ops = esp_peer_ops_t{};
  EXPECT_EQ(esp_peer_main_loop(peer), ESP_PEER_ERR_NONE);
  EXPECT_EQ(foreign.called, "main_loop");
}

TEST_F(Wrapper, knows_no_paired_address_of_somebody_else) {
  esp_peer_addr_t addr{};
  EXPECT_EQ(esp_peer_get_paired_addr(peer, &addr), ESP_PEER_ERR_NOT_SUPPORT);
}

TEST_F(Wrapper, forwards_close_once_and_the_handle_is_nothing_afterwards) {
  foreign.answer = ESP_PEER_ERR_FAIL;
  EXPECT_EQ(esp_peer_close(peer), ESP_PEER_ERR_FAIL) << "the operation's answer";
  EXPECT_TRUE(foreign.closed);
  foreign = Foreign{};
  EXPECT_EQ(esp_peer_close(peer), ESP_PEER_ERR_INVALID_ARG);
  esp_peer_addr_t addr{};
  EXPECT_EQ(esp_peer_get_paired_addr(peer, &addr), ESP_PEER_ERR_INVALID_ARG);
  for (const auto& [name, call] : all_calls()) {
    EXPECT_EQ(call(peer), ESP_PEER_ERR_INVALID_ARG) << name;
  }
  EXPECT_EQ(foreign.called, "");
  EXPECT_FALSE(foreign.closed);
}

TEST(WrapperWithoutOperations, says_so_and_close_gives_the_handle_back) {
  esp_peer_cfg_t cfg{};
  esp_peer_ops_t ops{};
  ops.open = all_operations().open;
  esp_peer_handle_t peer = nullptr;
  ASSERT_EQ(esp_peer_open(&cfg, &ops, &peer), ESP_PEER_ERR_NONE);
  for (const auto& [name, call] : all_calls()) {
    EXPECT_EQ(call(peer), ESP_PEER_ERR_NOT_SUPPORT) << name;
  }
  EXPECT_EQ(esp_peer_close(peer), ESP_PEER_ERR_NOT_SUPPORT);
  EXPECT_EQ(esp_peer_main_loop(peer), ESP_PEER_ERR_INVALID_ARG);
}

// covers: changelog 42
TEST(WrapperOpen, wants_all_of_its_arguments) {
  esp_peer_cfg_t cfg{};
  esp_peer_ops_t ops = all_operations();
  esp_peer_handle_t peer = nullptr;
  EXPECT_EQ(esp_peer_open(nullptr, &ops, &peer), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_open(&cfg, nullptr, &peer), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_open(&cfg, &ops, nullptr), ESP_PEER_ERR_INVALID_ARG);
  ops.open = nullptr;
  EXPECT_EQ(esp_peer_open(&cfg, &ops, &peer), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(peer, nullptr);
}

TEST(WrapperOpen, writes_the_handle_on_success_only) {
  esp_peer_cfg_t cfg{};
  const esp_peer_ops_t ops = all_operations();
  int mark = 0;
  esp_peer_handle_t peer = &mark;
  for (const int answer : {int{ESP_PEER_ERR_NO_MEM}, int{ESP_PEER_ERR_NOT_SUPPORT}, 77}) {
    foreign.answer = answer;
    EXPECT_EQ(esp_peer_open(&cfg, &ops, &peer), answer);
    EXPECT_EQ(peer, &mark);
    EXPECT_EQ(foreign.arguments, std::vector<const void*>{&cfg});
  }
  foreign = Foreign{};
}

// covers: bug 84, changelog 42
TEST(WrapperHandles, null_and_foreign_ones_are_refused_by_every_function) {
  int object = 0;
  foreign = Foreign{};
  for (const esp_peer_handle_t handle :
       {static_cast<esp_peer_handle_t>(nullptr), static_cast<esp_peer_handle_t>(&object),
        reinterpret_cast<esp_peer_handle_t>(std::uintptr_t{1}),
        reinterpret_cast<esp_peer_handle_t>(~std::uintptr_t{0})}) {
    for (const auto& [name, call] : all_calls()) {
      EXPECT_EQ(call(handle), ESP_PEER_ERR_INVALID_ARG) << name << " " << handle;
    }
    esp_peer_addr_t addr{};
    EXPECT_EQ(esp_peer_get_paired_addr(handle, &addr), ESP_PEER_ERR_INVALID_ARG);
    EXPECT_EQ(esp_peer_close(handle), ESP_PEER_ERR_INVALID_ARG);
  }
  EXPECT_EQ(foreign.called, "");
}

TEST(WrapperHandles, many_are_open_at_once) {
  esp_peer_cfg_t cfg{};
  const esp_peer_ops_t ops = all_operations();
  foreign = Foreign{};
  std::vector<esp_peer_handle_t> peers(1000);
  for (auto& peer : peers) ASSERT_EQ(esp_peer_open(&cfg, &ops, &peer), ESP_PEER_ERR_NONE);
  for (const auto peer : peers) EXPECT_EQ(esp_peer_main_loop(peer), ESP_PEER_ERR_NONE);
  for (const auto peer : peers) EXPECT_EQ(esp_peer_close(peer), ESP_PEER_ERR_NONE);
  for (const auto peer : peers) EXPECT_EQ(esp_peer_close(peer), ESP_PEER_ERR_INVALID_ARG);
}

TEST(WrapperHandles, one_too_many_is_no_memory_and_is_closed_again) {
  esp_peer_cfg_t cfg{};
  const esp_peer_ops_t ops = all_operations();
  foreign = Foreign{};
  std::vector<esp_peer_handle_t> peers;
  int result = ESP_PEER_ERR_NONE;
  for (int i = 0; i < 100'000 && result == ESP_PEER_ERR_NONE; ++i) {
    esp_peer_handle_t peer = nullptr;
    result = esp_peer_open(&cfg, &ops, &peer);
    if (peer) peers.push_back(peer);
  }
  EXPECT_EQ(result, ESP_PEER_ERR_NO_MEM);
  EXPECT_TRUE(foreign.closed) << "what had been opened for it";
  EXPECT_GE(peers.size(), 8000u);
  for (const auto peer : peers) EXPECT_EQ(esp_peer_close(peer), ESP_PEER_ERR_NONE);
  esp_peer_handle_t again = nullptr;
  EXPECT_EQ(esp_peer_open(&cfg, &ops, &again), ESP_PEER_ERR_NONE);
  EXPECT_EQ(esp_peer_close(again), ESP_PEER_ERR_NONE);
}

// covers: bug 84
TEST(WrapperHandles, an_old_one_is_not_taken_for_the_peer_in_its_place) {
  esp_peer_cfg_t cfg{};
  const esp_peer_ops_t ops = all_operations();
  esp_peer_handle_t first = nullptr;
  ASSERT_EQ(esp_peer_open(&cfg, &ops, &first), ESP_PEER_ERR_NONE);
  ASSERT_EQ(esp_peer_close(first), ESP_PEER_ERR_NONE);
  for (int i = 0; i < 100; ++i) {
    esp_peer_handle_t next = nullptr;
    ASSERT_EQ(esp_peer_open(&cfg, &ops, &next), ESP_PEER_ERR_NONE);
    EXPECT_NE(next, first);
    EXPECT_EQ(esp_peer_main_loop(first), ESP_PEER_ERR_INVALID_ARG);
    EXPECT_EQ(esp_peer_close(first), ESP_PEER_ERR_INVALID_ARG);
    EXPECT_EQ(esp_peer_close(next), ESP_PEER_ERR_NONE);
  }
}

TEST(DefaultImplementation, has_every_operation_in_a_static_table) {
  const esp_peer_ops_t* const ops = esp_peer_get_default_impl();
  ASSERT_NE(ops, nullptr);
  EXPECT_EQ(ops, esp_peer_get_default_impl());
  EXPECT_TRUE(ops->open && ops->new_connection && ops->update_ice_info && ops->send_msg &&
              ops->send_video && ops->send_audio && ops->send_data && ops->create_data_channel &&
              ops->close_data_channel && ops->main_loop && ops->disconnect && ops->query &&
              ops->close && ops->set_rtp_transformer);
}

TEST(DefaultImplementation, checks_its_handles_when_called_directly) {
  const esp_peer_ops_t& ops = *esp_peer_get_default_impl();
  int object = 0;
  esp_peer_handle_t peer = &object;
  EXPECT_EQ(ops.open(nullptr, &peer), ESP_PEER_ERR_INVALID_ARG);
  esp_peer_cfg_t cfg{};
  EXPECT_EQ(ops.open(&cfg, nullptr), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(ops.main_loop(nullptr), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(ops.main_loop(&object), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(ops.send_data(&object, &data), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(ops.send_audio(&object, &audio), ESP_PEER_ERR_INVALID_ARG);
  ops.query(&object);
  ASSERT_EQ(ops.open(&cfg, &peer), ESP_PEER_ERR_NONE);
  EXPECT_EQ(ops.send_data(peer, nullptr), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(ops.send_audio(peer, nullptr), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(ops.send_msg(peer, nullptr), ESP_PEER_ERR_INVALID_ARG);
  EXPECT_EQ(esp_peer_main_loop(peer), ESP_PEER_ERR_INVALID_ARG)
      << "its handles are not those of esp_peer_open()";
  EXPECT_EQ(ops.close(peer), ESP_PEER_ERR_NONE);
  EXPECT_EQ(ops.close(peer), ESP_PEER_ERR_INVALID_ARG);
}

}  // namespace
}  // namespace esp_peer::test
