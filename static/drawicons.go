//go:build ignore

// Drawicons draws the icons that must be bitmaps from the same shapes as
// icon.svg. Run it with "go generate ./static" after changing them.
package main

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"log"
	"math"
	"os"
)

func main() {
	log.SetFlags(0)
	for _, icon := range []struct {
		name  string
		size  int
		scale float64 // of the ball, 1 fills the icon
		plain bool    // transparent around the ball, else filled
	}{
		{"icon-192.png", 192, 1, true},
		{"icon-512.png", 512, 1, true},
		{"icon-180.png", 180, 0.8, false},
		{"icon-maskable-512.png", 512, 0.72, false},
	} {
		write(icon.name, encode(draw(icon.size, icon.scale, icon.plain)))
	}
	write("favicon.ico", ico(encode(draw(32, 1, true)), 32))
}

func write(name string, content []byte) {
	if err := os.WriteFile(name, content, 0o644); err != nil {
		log.Fatal(err)
	}
}

// draw paints the mark, 16 samples a pixel. Coordinates are those of the SVG's
// view box, 32 units wide.
func draw(size int, scale float64, plain bool) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	const side = 4
	for y := range size {
		for x := range size {
			var r, g, b, a float64
			for sy := range side {
				for sx := range side {
					u := (float64(x) + (float64(sx)+0.5)/side) / float64(size) * 32
					v := (float64(y) + (float64(sy)+0.5)/side) / float64(size) * 32
					c := sample(16+(u-16)/scale, 16+(v-16)/scale, plain)
					r, g, b, a = r+c[0]*c[3], g+c[1]*c[3], b+c[2]*c[3], a+c[3]
				}
			}
			if a > 0 {
				img.SetNRGBA(x, y, color.NRGBA{byte(r/a + 0.5), byte(g/a + 0.5), byte(b/a + 0.5), byte(a/(side*side)*255 + 0.5)})
			}
		}
	}
	return img
}

// sample is the colour at a point: red, green and blue to 255, alpha to 1.
func sample(u, v float64, plain bool) [4]float64 {
	ball := [4]float64{0xb8, 0x40, 0x0a, 1}
	if math.Hypot(u-16, v-16) > 15 && plain {
		return [4]float64{}
	}
	if stroke(u, v, [][2]float64{{10.5, 16.4}, {14.4, 20.4}, {21.6, 12}}) <= 1.7 {
		return [4]float64{255, 255, 255, 1}
	}
	if math.Hypot(u-16, v-16) <= 15 {
		left := curve([4][2]float64{{5.6, 5.2}, {9.2, 11}, {9.2, 21}, {5.6, 26.8}})
		right := curve([4][2]float64{{26.4, 5.2}, {22.8, 11}, {22.8, 21}, {26.4, 26.8}})
		if math.Min(stroke(u, v, left), stroke(u, v, right)) <= 0.7 {
			for i := range 3 {
				ball[i] = 0.25*ball[i] + 0.75*255
			}
		}
	}
	return ball
}

// stroke is the distance from a point to a line through points.
func stroke(u, v float64, line [][2]float64) float64 {
	best := math.Inf(1)
	for i := 1; i < len(line); i++ {
		ax, ay := line[i-1][0], line[i-1][1]
		dx, dy := line[i][0]-ax, line[i][1]-ay
		t := math.Max(0, math.Min(1, ((u-ax)*dx+(v-ay)*dy)/(dx*dx+dy*dy)))
		best = math.Min(best, math.Hypot(u-ax-t*dx, v-ay-t*dy))
	}
	return best
}

// curve is a cubic Bézier curve as a line of 24 pieces.
func curve(p [4][2]float64) [][2]float64 {
	var line [][2]float64
	for i := range 25 {
		t := float64(i) / 24
		s := 1 - t
		var at [2]float64
		for k := range 2 {
			at[k] = s*s*s*p[0][k] + 3*s*s*t*p[1][k] + 3*s*t*t*p[2][k] + t*t*t*p[3][k]
		}
		line = append(line, at)
	}
	return line
}

func encode(img image.Image) []byte {
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, img); err != nil {
		log.Fatal(err)
	}
	return b.Bytes()
}

// ico wraps a PNG as an icon file with one image.
func ico(picture []byte, size byte) []byte {
	var b bytes.Buffer
	for _, part := range []any{
		[3]uint16{0, 1, 1}, [4]byte{size, size, 0, 0}, [2]uint16{1, 32},
		uint32(len(picture)), uint32(22), picture,
	} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			log.Fatal(err)
		}
	}
	return b.Bytes()
}
