// What bench_media measures, with Pion as Debian has it.
//
//	pion_media path PROFILE FRAMES   its packetizer, SRTP context, UDP sockets and sample builder, in one
//	                                 goroutine: no ICE, no DTLS, no interceptors
//	pion_media peers FRAMES          two PeerConnections of one process with its default interceptors,
//	                                 at most three frames on their way: its socket buffer holds no more
package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/srtp/v2"
	"github.com/pion/webrtc/v3"
	"github.com/pion/webrtc/v3/pkg/media"
	"github.com/pion/webrtc/v3/pkg/media/samplebuilder"
)

const frameSize = 30000

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "pion_media:", err)
		os.Exit(1)
	}
}

func picture() (out []byte) {
	for _, kind := range []byte{0x67, 0x68, 0x65} {
		out = append(out, 0, 0, 0, 1, kind)
		end := len(out) + 12
		if kind == 0x65 {
			end = frameSize
		}
		for len(out) < end {
			out = append(out, byte(1+len(out)%250))
		}
	}
	return
}

type meter struct {
	begin  time.Time
	cpu    float64
	blocks uint64
}

func cpuSeconds() float64 {
	var use syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &use))
	return float64(use.Utime.Nano()+use.Stime.Nano()) / 1e9
}
func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}
func newMeter() meter { return meter{time.Now(), cpuSeconds(), mallocs()} }
func (m meter) report(packets, frames float64) {
	seconds, cpu := time.Since(m.begin).Seconds(), cpuSeconds()-m.cpu
	fmt.Printf("{\"packets_per_second\":%.0f,\"frames_per_second\":%.0f,\"cpu_us_per_packet\":%.3f,"+
		"\"allocations_per_packet\":%.4f}\n", packets/seconds, frames/seconds, cpu*1e6/packets,
		float64(mallocs()-m.blocks)/packets)
}

func path(profile srtp.ProtectionProfile, frames int) {
	saltSize := 12
	if profile == srtp.ProtectionProfileAes128CmHmacSha1_80 {
		saltSize = 14
	}
	key, salt := bytes.Repeat([]byte{7}, 16), bytes.Repeat([]byte{9}, saltSize)
	out, err := srtp.CreateContext(key, salt, profile)
	must(err)
	in, err := srtp.CreateContext(key, salt, profile, srtp.SRTPReplayProtection(1024))
	must(err)
	listener, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(err)
	must(listener.SetReadBuffer(4 << 20))
	sender, err := net.DialUDP("udp4", nil, listener.LocalAddr().(*net.UDPAddr))
	must(err)
	packetizer := rtp.NewPacketizer(1200, 102, 1, &codecs.H264Payloader{}, rtp.NewFixedSequencer(1), 90000)
	builder := samplebuilder.New(512, &codecs.H264Packet{}, 90000)
	frame := picture()
	sealed, plain := make([]byte, 0, 1500), make([]byte, 0, 1500)
	datagram := make([]byte, 1500)
	packets, shown := 0, 0
	run := func(count int) {
		for i := 0; i < count; i++ {
			list := packetizer.Packetize(frame, 2970)
			for _, packet := range list {
				plain = plain[:packet.MarshalSize()]
				_, err := packet.MarshalTo(plain)
				must(err)
				sealed, err = out.EncryptRTP(sealed[:0], plain, nil)
				must(err)
				_, err = sender.Write(sealed)
				must(err)
			}
			for range list {
				n, _, err := listener.ReadFromUDP(datagram)
				must(err)
				opened, err := in.DecryptRTP(nil, datagram[:n], nil) // the builder keeps it
				must(err)
				packet := &rtp.Packet{}
				must(packet.Unmarshal(opened))
				builder.Push(packet)
				packets++
			}
			for sample := builder.Pop(); sample != nil; sample = builder.Pop() {
				if len(sample.Data) > frameSize-100 {
					shown++
				}
			}
		}
	}
	run(frames/10 + 100)
	m, before, seen := newMeter(), packets, shown
	run(frames)
	m.report(float64(packets-before), float64(frames))
	if shown-seen < frames-10 {
		must(fmt.Errorf("only %d of %d frames", shown-seen, frames))
	}
}

func peer() *webrtc.PeerConnection {
	engine, registry := &webrtc.MediaEngine{}, &interceptor.Registry{}
	must(engine.RegisterDefaultCodecs())
	must(webrtc.RegisterDefaultInterceptors(engine, registry))
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry),
		webrtc.WithSettingEngine(settings))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	must(err)
	return pc
}

func peers(frames int) {
	camera, screen := peer(), peer()
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264},
		"video", "pion")
	must(err)
	sender, err := camera.AddTrack(track)
	must(err)
	go func() {
		buffer := make([]byte, 1500)
		for {
			if _, _, err := sender.Read(buffer); err != nil {
				return
			}
		}
	}()
	places := make(chan bool, 3) // of frames on their way
	shown := make(chan bool, 1024)
	packets := 0
	screen.OnTrack(func(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		builder := samplebuilder.New(512, &codecs.H264Packet{}, 90000)
		for {
			packet, _, err := remote.ReadRTP()
			if err != nil {
				return
			}
			packets++
			builder.Push(packet)
			for sample := builder.Pop(); sample != nil; sample = builder.Pop() {
				if len(sample.Data) > frameSize-100 {
					<-places
					shown <- true
				}
			}
		}
	})
	connected := make(chan bool)
	camera.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			close(connected)
		}
	})
	describe := func(from, to *webrtc.PeerConnection, description webrtc.SessionDescription, err error) {
		must(err)
		gathered := webrtc.GatheringCompletePromise(from)
		must(from.SetLocalDescription(description))
		<-gathered
		must(to.SetRemoteDescription(*from.LocalDescription()))
	}
	offer, err := camera.CreateOffer(nil)
	describe(camera, screen, offer, err)
	answer, err := screen.CreateAnswer(nil)
	describe(screen, camera, answer, err)
	select {
	case <-connected:
	case <-time.After(20 * time.Second):
		must(fmt.Errorf("no connection"))
	}
	frame := picture()
	run := func(count int) {
		go func() {
			for i := 0; i < count; i++ {
				places <- true
				must(track.WriteSample(media.Sample{Data: frame, Duration: 33 * time.Millisecond}))
			}
			// The builder gives a frame away when the next one begins.
			must(track.WriteSample(media.Sample{Data: []byte{0, 0, 0, 1, 0x41, 1, 2, 3}, Duration: 33 * time.Millisecond}))
		}()
		for i := 0; i < count; i++ {
			select {
			case <-shown:
			case <-time.After(10 * time.Second):
				must(fmt.Errorf("%d of %d frames came", i, count))
			}
		}
	}
	run(frames/10 + 100)
	m, before := newMeter(), packets
	run(frames)
	m.report(float64(packets-before), float64(frames))
}

func main() {
	word := func(i int) string {
		if i < len(os.Args) {
			return os.Args[i]
		}
		return ""
	}
	number := func(i int) int {
		n, _ := strconv.Atoi(word(i))
		return n
	}
	switch word(1) {
	case "path":
		profiles := map[string]srtp.ProtectionProfile{
			"gcm": srtp.ProtectionProfileAeadAes128Gcm, "cm": srtp.ProtectionProfileAes128CmHmacSha1_80}
		path(profiles[word(2)], number(3))
	case "peers":
		peers(number(2))
	default:
		must(fmt.Errorf("no such measurement"))
	}
}
