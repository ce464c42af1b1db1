#include "codec/jpeg_image.hpp"

#include <algorithm>

#include "codec/jpeg_tables.hpp"

namespace esp_peer::codec {
namespace {

enum Marker : std::uint8_t {
  m_tem = 0x01,
  m_sof0 = 0xC0,
  m_dht = 0xC4,
  m_jpg = 0xC8,
  m_dac = 0xCC,
  m_sof15 = 0xCF,
  m_rst0 = 0xD0,
  m_rst7 = 0xD7,
  m_soi = 0xD8,
  m_eoi = 0xD9,
  m_sos = 0xDA,
  m_dqt = 0xDB,
  m_dri = 0xDD,
};
constexpr std::size_t largest_side = 2040;

class Parser {
 public:
  std::optional<JpegImage> parse(Bytes file) {
    Reader in(file);
    if (in.u8() != 0xFF || in.u8() != m_soi) return std::nullopt;
    while (in.ok()) {
      const std::uint8_t marker = next_marker(in);
      if (marker == m_tem || (marker >= m_rst0 && marker <= m_eoi)) return std::nullopt;
      const std::size_t length = in.u16();
      if (length < 2) return std::nullopt;
      const Bytes segment = in.bytes(length - 2);
      if (!in.ok() || !read(marker, Reader(segment))) return std::nullopt;
      if (marker == m_sos) return finish(in.rest());
    }
    return std::nullopt;
  }

 private:
  struct Component {
    std::uint8_t id = 0, sampling = 0, table = 0;
  };

  // Fill bytes may stand in front [jpeg#B.1.1.2].
  static std::uint8_t next_marker(Reader& in) {
    if (in.u8() != 0xFF) return m_tem;
    std::uint8_t marker = in.u8();
    while (marker == 0xFF) marker = in.u8();
    return marker;
  }
  bool read(std::uint8_t marker, Reader in) {
    switch (marker) {
      case m_dqt:
        return read_tables(in);
      case m_sof0:
        return read_frame(in);
      case m_dht:
        return is_standard(in);
      case m_dri:
        image_.restart_interval = in.u16();
        return in.ok();
      case m_sos:
        return read_scan(in);
      case m_jpg:
        return true;
      case m_dac:
        return false;
      default:
        return marker < m_sof0 || marker > m_sof15;  // other frames are not baseline
    }
  }
  bool read_tables(Reader in) {
    while (in.remaining() != 0) {
      const std::uint8_t number = in.u8();  // above 15: values of 16 bits, which baseline has not
      const Bytes values = in.bytes(64);
      if (!in.ok() || number > 3) return false;
      tables_[number] = values;
    }
    return true;
  }
  bool read_frame(Reader in) {
    if (framed_ || in.u8() != 8) return false;
    framed_ = true;
    image_.height = in.u16();
    image_.width = in.u16();
    if (in.u8() != 3) return false;
    for (Component& c : components_) c = {in.u8(), in.u8(), in.u8()};
    const auto& [y, u, v] = components_;
    image_.sampling = y.sampling == 0x22 ? JpegSampling::yuv420 : JpegSampling::yuv422;
    return in.ok() && (y.sampling == 0x21 || y.sampling == 0x22) && u.sampling == 0x11 &&
           v.sampling == 0x11 && u.table == v.table && y.table < 4 && u.table < 4 &&
           image_.width - 1u < largest_side && image_.height - 1u < largest_side;
  }
  static bool is_standard(Reader in) {
    while (in.remaining() != 0) {
      const auto known = standard_huffman_tables();
      const auto same = std::find_if(known.begin(), known.end(), [&in](Bytes table) {
        return in.remaining() >= table.size() && equal(in.rest().first(table.size()), table);
      });
      if (same == known.end()) return false;
      in.skip(same->size());
    }
    return true;
  }
  // All three components at once, luminance with the first Huffman tables, the others with the
  // second.
  bool read_scan(Reader in) {
    if (!framed_ || in.u8() != 3) return false;
    for (const Component& c : components_) {
      if (in.u8() != c.id || in.u8() != (&c == components_ ? 0x00 : 0x11)) return false;
    }
    return in.ok();
  }
  std::optional<JpegImage> finish(Bytes scan) {
    image_.luminance = tables_[components_[0].table];
    image_.chrominance = tables_[components_[1].table];
    if (image_.luminance.empty() || image_.chrominance.empty()) return std::nullopt;
    image_.scan = scan;
    return image_;
  }

  JpegImage image_;
  Component components_[3];
  Bytes tables_[4];
  bool framed_ = false;
};

}  // namespace

std::optional<JpegImage> parse_jpeg(Bytes file) { return Parser().parse(file); }

std::optional<std::size_t> jpeg_scan_size(Bytes scan) {
  std::size_t i = 0;
  while (true) {
    const auto from = scan.begin() + static_cast<std::ptrdiff_t>(i);
    i = static_cast<std::size_t>(std::find(from, scan.end(), std::byte{0xFF}) - scan.begin());
    if (i + 1 >= scan.size()) return scan.size();
    const auto marker = std::to_integer<std::uint8_t>(scan[i + 1]);
    if (marker == m_eoi) return i + 2;
    if (marker == 0xFF) {
      ++i;
    } else if (marker == 0 || (marker >= m_rst0 && marker <= m_rst7)) {
      i += 2;
    } else {
      return std::nullopt;
    }
  }
}

}  // namespace esp_peer::codec
