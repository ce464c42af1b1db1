#include "rtp/source_description.hpp"

namespace esp_peer::rtp {
namespace {

constexpr std::uint8_t end_of_items = 0, cname_item = 1;

}  // namespace

std::optional<SourceDescription> SourceDescription::parse(const RtcpPacket& packet) {
  SourceDescription whole(packet);
  for (; whole.left_ > 0; --whole.left_) {
    SourceName name;
    bool named = false;
    if (!whole.take_chunk(name, named)) return std::nullopt;
  }
  return SourceDescription(packet);
}

std::optional<SourceName> SourceDescription::next() {
  while (left_ > 0) {
    --left_;
    SourceName name;
    bool named = false;
    if (!take_chunk(name, named)) return std::nullopt;
    if (named) return name;
  }
  return std::nullopt;
}

bool SourceDescription::take_chunk(SourceName& out, bool& named) {
  std::size_t size = 0;  // of the items, their end included
  out.source = Ssrc{in_.u32()};
  for (;;) {
    const std::uint8_t type = in_.u8();
    ++size;
    if (!in_.ok()) return false;
    if (type == end_of_items) break;
    const std::uint8_t length = in_.u8();
    const Bytes text = in_.bytes(length);
    size += 1u + length;
    if (type == cname_item) {
      out.cname = as_text(text);
      named = true;
    }
  }
  in_.skip((4 - size % 4) % 4);  // [rfc3550#6.5] to the next word
  return in_.ok();
}

void write_cname(CompoundWriter& out, Ssrc source, std::string_view cname) {
  out.begin(RtcpType::source_description, 1);
  write(out.out(), source);
  out.out().u8(cname_item);
  out.out().u8(static_cast<std::uint8_t>(cname.size()));
  out.out().text(cname);
  out.out().u8(end_of_items);
  out.end();
}

}  // namespace esp_peer::rtp
