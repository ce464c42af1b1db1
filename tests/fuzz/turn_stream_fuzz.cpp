// Any bytes as a stream of TURN: however it is cut, the same messages are found in it, none larger
// than we keep; and what they say is read or refused.
#include <cstdint>
#include <vector>

#include "tests/fuzz/fuzz_parts.hpp"
#include "turn/channel_data.hpp"
#include "turn/message.hpp"
#include "turn/stream_framer.hpp"

namespace {

using namespace esp_peer;
using fuzz::require;

struct Found {
  std::vector<std::vector<std::byte>> messages;
  bool broken = false;
};

Found split(Bytes stream, std::size_t piece) {
  fuzz::Memory memory(turn::StreamFramer::max_message + 64);
  turn::StreamFramer framer(memory);
  Found found;
  std::vector<std::byte> copy(stream.begin(), stream.end());
  for (std::size_t at = 0; at < copy.size(); at += piece) {
    MutableBytes rest = MutableBytes(copy).subspan(at, std::min(piece, copy.size() - at));
    while (!rest.empty()) {
      const std::size_t before = rest.size();
      const MutableBytes message = framer.take(rest);
      require(rest.size() < before);
      require(message.size() <= turn::StreamFramer::max_message);
      require(!message.empty() || rest.empty());
      if (!message.empty()) found.messages.emplace_back(message.begin(), message.end());
    }
  }
  found.broken = framer.broken();
  return found;
}

void read(std::vector<std::byte>& message) {
  if (turn::is_channel_data(message)) {
    const auto data = turn::parse_channel_data(message);
    require(data && data->channel >= turn::first_channel && data->channel <= turn::last_channel);
    require(data->payload.size() + 4 <= message.size() && message.size() % 4 == 0);
    return;
  }
  const auto m = turn::parse(message);
  if (!m) return;
  require(!m->realm || m->realm->size() <= turn::max_quoted_text);
  require(!m->nonce || m->nonce->size() <= turn::max_quoted_text);
  require(!m->relayed_v4 || m->relayed_v4->is_v4());
  require(!m->data || m->data->size() < message.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const Bytes stream = std::as_bytes(std::span(data + 1, size - 1));
  Found whole = split(stream, stream.size() + 1);
  const Found pieces = split(stream, 1u + data[0]);
  require(whole.messages == pieces.messages && whole.broken == pieces.broken);
  for (auto& message : whole.messages) read(message);
  return 0;
}
