#include "codec/jpeg_depacketizer.hpp"

#include <algorithm>

#include "codec/jpeg_tables.hpp"

namespace esp_peer::codec {
namespace {

constexpr std::uint8_t static_tables = 128, dynamic_tables = 255, type_with_restarts = 64;
constexpr std::size_t table_size = 64;
constexpr std::byte end_of_image[2] = {std::byte{0xFF}, std::byte{0xD9}};

struct Payload {
  std::uint32_t offset = 0;
  std::uint8_t type = 0, q = 0, width = 0, height = 0;  // sides in 8 pixels
  std::uint16_t restart_interval = 0;
  Bytes tables;  // of the first one, when it has them
  Bytes scan;

  bool fits(const Payload& first) const {
    return type == first.type && q == first.q && width == first.width && height == first.height &&
           restart_interval == first.restart_interval;
  }
};

std::optional<Payload> parse(Bytes payload) {
  Reader in(payload);
  Payload out;
  in.skip(1);  // fields of interlaced pictures are given as pictures
  out.offset = in.u24();
  out.type = in.u8();
  out.q = in.u8();
  out.width = in.u8();
  out.height = in.u8();
  if (out.type >= type_with_restarts) {
    out.restart_interval = in.u16();
    in.skip(2);  // where it begins: we decode whole frames
    if (out.restart_interval == 0) return std::nullopt;
  }
  const std::uint8_t sampling = out.type % type_with_restarts;
  const bool known = out.type < 2 * type_with_restarts && sampling <= 1;
  if (out.offset == 0 && out.q >= static_tables) {
    in.skip(1);
    const std::uint8_t precision = in.u8();
    out.tables = in.bytes(in.u16());
    // A bit says that its table has 16 bits a value, which baseline pictures have not.
    if ((precision & 3) != 0) return std::nullopt;
  }
  out.scan = in.rest();
  if (!in.ok() || !known || out.width == 0 || out.height == 0) return std::nullopt;
  return out;
}

// [rfc2435#B] What stands in front of the scan.
template <class Out>
void write_head(Out& out, const Payload& picture, Bytes tables) {
  const auto segment = [&out](std::uint8_t marker, std::size_t size) {
    out.u8(0xFF);
    out.u8(marker);
    out.u16(static_cast<std::uint16_t>(2 + size));
  };
  out.u16(0xFFD8);
  segment(0xE0, 14);  // APP0: what makes it a JFIF file
  out.bytes(as_bytes({"JFIF\0\1\1\0\0\1\0\1\0\0", 14}));
  for (std::uint8_t i = 0; i < 2; ++i) {
    segment(0xDB, 1 + table_size);
    out.u8(i);
    out.bytes(tables.subspan(i * table_size, table_size));
  }
  if (picture.restart_interval != 0) {
    segment(0xDD, 2);
    out.u16(picture.restart_interval);
  }
  segment(0xC0, 15);
  out.u8(8);
  out.u16(static_cast<std::uint16_t>(picture.height * 8));
  out.u16(static_cast<std::uint16_t>(picture.width * 8));
  out.u8(3);
  out.u24(picture.type % type_with_restarts == 0 ? 0x012100 : 0x012200);
  out.u24(0x021101);
  out.u24(0x031101);
  for (const Bytes huffman : standard_huffman_tables()) {
    segment(0xC4, huffman.size());
    out.bytes(huffman);
  }
  segment(0xDA, 10);
  out.u8(3);
  out.u16(0x0100);
  out.u16(0x0211);
  out.u16(0x0311);
  out.u24(0x003F00);
}

struct Counter {
  std::size_t size = 0;
  void u8(std::uint8_t) { size += 1; }
  void u16(std::uint16_t) { size += 2; }
  void u24(std::uint32_t) { size += 3; }
  void bytes(Bytes run) { size += run.size(); }
};

}  // namespace

std::optional<Buffer> JpegJoiner::join(std::span<const Buffer> payloads, Memory& memory) {
  std::optional<Payload> first;
  Bytes end;
  std::size_t scanned = 0;
  for (const Buffer& payload : payloads) {
    if (payload.size() == 0) continue;
    const auto part = parse(payload.bytes());
    if (!part || part->offset != scanned || (first && !part->fits(*first))) return std::nullopt;
    if (!first) first = part;
    scanned += part->scan.size();
    end = part->scan;
  }
  Tables tables;
  if (!first || scanned == 0 || !find_tables(first->q, first->tables, tables)) return std::nullopt;

  const bool ended = end.size() >= 2 && equal(end.last(2), end_of_image);
  Counter head;
  write_head(head, *first, tables.values);
  Buffer file = Buffer::with_size(memory, head.size + scanned + (ended ? 0 : 2));
  if (!file) return std::nullopt;
  Writer out(file.bytes());
  write_head(out, *first, tables.values);
  for (const Buffer& payload : payloads) {
    if (payload.size() != 0) out.bytes(parse(payload.bytes())->scan);
  }
  if (!ended) out.bytes(end_of_image);
  return file;
}

bool JpegJoiner::find_tables(std::uint8_t q, Bytes sent, Tables& found) {
  found.q = q;
  if (q < static_tables) {
    if (q == 0 || q > 99) return false;
    write_quantization_tables(q, found.values);
    return true;
  }
  if (sent.size() >= found.values.size()) {
    copy_bytes(sent.first(found.values.size()), found.values);
    if (q == dynamic_tables) return true;
    const auto same = std::find_if(kept_.begin(), kept_.end(),
                                   [q](const Tables& tables) { return tables.q == q; });
    if (same != kept_.end()) {
      *same = found;
    } else {
      kept_[oldest_] = found;
      oldest_ = (oldest_ + 1) % max_kept;
    }
    return true;
  }
  // [rfc2435#3.1.8] 255 never does without.
  if (!sent.empty() || q == dynamic_tables) return false;
  const auto kept =
      std::find_if(kept_.begin(), kept_.end(), [q](const Tables& tables) { return tables.q == q; });
  if (kept == kept_.end()) return false;
  found = *kept;
  return true;
}

}  // namespace esp_peer::codec
