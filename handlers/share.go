package handlers

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/lucasb-eyer/go-colorful"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"

	"tipoff/schedule"
)

// The size of the pictures that link previews show.
const (
	shareWidth  = 1200
	shareHeight = 630
)

// A gallery draws the pictures for link previews: a team's season at a glance,
// and one for the home page. Each is drawn when it is first asked for and kept
// while the season stays as it is.
type gallery struct {
	bold, medium *sfnt.Font

	mu     sync.Mutex
	season *schedule.Season
	// drawn has encoded pictures by tricode, "" for the home page.
	drawn map[string][]byte
}

func newGallery() (*gallery, error) {
	bold, err := sfnt.Parse(gobold.TTF)
	if err != nil {
		return nil, fmt.Errorf("read the bold font: %w", err)
	}
	medium, err := sfnt.Parse(gomedium.TTF)
	if err != nil {
		return nil, fmt.Errorf("read the medium font: %w", err)
	}
	return &gallery{bold: bold, medium: medium}, nil
}

// picture is the encoded picture of a team's season, or of the home page where
// team is nil.
func (g *gallery) picture(season *schedule.Season, team *schedule.Team, now time.Time) ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.season != season {
		g.season, g.drawn = season, map[string][]byte{}
	}
	code := ""
	if team != nil {
		code = team.Code
	}
	if ready, ok := g.drawn[code]; ok {
		return ready, nil
	}
	c := g.home()
	if team != nil {
		c = g.team(season, *team, now)
	}
	if c.err != nil {
		return nil, fmt.Errorf("draw the picture of %q: %w", code, c.err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, c.img); err != nil {
		return nil, fmt.Errorf("encode the picture of %q: %w", code, err)
	}
	g.drawn[code] = b.Bytes()
	return b.Bytes(), nil
}

// home draws the picture of the home page, on maple.
func (g *gallery) home() *canvas {
	ink := hex("#23160a")
	c := newCanvas(hex("#efcb94"))
	c.court(hex("#b9823c"), 0.62)
	for i, line := range []string{"EVERY GAME", "ON YOUR LIST.", "RIGHT ALL SEASON."} {
		c.text(g.bold, line, 72, 190+float64(i)*112, 116, 0.72, ink, 1)
	}
	c.text(g.medium, "Your NBA team’s games as Todoist tasks,", 74, 470, 34, 1, ink, 1)
	c.text(g.medium, "moved along when the league moves them.", 74, 514, 34, 1, ink, 1)
	g.brand(c, ink, hex("#a63c0a"), hex("#ffffff"))
	return c
}

// team draws a season: one square for each day of its months, filled for games
// at home, open for games away.
func (g *gallery) team(season *schedule.Season, team schedule.Team, now time.Time) *canvas {
	colours := coloursOf(team.Primary, team.Secondary, lightScheme())
	ink := colours.Ink
	c := newCanvas(colours.Fill)
	c.court(colours.Trim, 0.3)
	draw.Draw(c.img, image.Rect(0, shareHeight-14, shareWidth, shareHeight), image.NewUniform(colours.Trim), image.Point{}, draw.Src)

	c.text(g.medium, season.Label+" season", 72, 100, 32, 1, ink, 1)
	c.text(g.bold, strings.ToUpper(team.City), 72, 162, 54, 0.76, ink, 1)
	size := 150.0
	name := strings.ToUpper(team.Name)
	if wide := c.width(g.bold, name, size, 0.7); wide > 820 {
		size *= 820 / wide
	}
	c.text(g.bold, name, 68, 288, size, 0.7, ink, 1)

	home, away := map[schedule.Day]bool{}, map[schedule.Day]bool{}
	var first, last schedule.Day
	games := schedule.Filter{Teams: []string{team.Code}}.Games(season, now)
	for _, game := range games {
		if game.Postponed {
			continue
		}
		if first == "" {
			first = game.Day
		}
		last = max(last, game.Day)
		if game.AtHome(team.Code) && !game.Neutral {
			home[game.Day] = true
		} else {
			away[game.Day] = true
		}
	}
	words := "The schedule is not out yet."
	if first != "" {
		facts := schedule.FactsFor(season, team.Code, now)
		words = fmt.Sprintf("%s: %d at home, %d away, %d back-to-backs", plural(len(games), "game"), facts.Home, facts.Away, facts.BackToBacks)
		c.season(g.medium, first, last, home, away, ink, colours.Fill)
		c.fill(560, 590, ink, 1, func(p pen) {
			p.homeDay(72, 567, 17)
			p.awayDay(172, 567, 17)
		})
		c.text(g.medium, "home", 97, 584, 24, 1, ink, 1)
		c.text(g.medium, "away", 197, 584, 24, 1, ink, 1)
	}
	c.text(g.medium, words, 72, 344, 32, 1, ink, 1)
	g.brand(c, ink, ink, colours.Fill)
	return c
}

// brand puts the mark and the name into the upper right corner.
func (g *gallery) brand(c *canvas, ink, ball, tick colorful.Color) {
	c.fill(60, 120, ball, 1, func(p pen) { p.block(975, 63, 1025, 113, 25) })
	c.fill(60, 120, tick, 1, func(p pen) {
		p.stroke(5.6, [2]float64{990.5, 89}, [2]float64{997, 95.5}, [2]float64{1009.5, 81})
	})
	c.text(g.bold, "TIPOFF", 1036, 102, 40, 0.74, ink, 1)
}

// A canvas is a picture being drawn. Lengths are pixels, y grows downwards.
type canvas struct {
	img *image.RGBA
	buf sfnt.Buffer
	err error
}

func newCanvas(background colorful.Color) *canvas {
	c := &canvas{img: image.NewRGBA(image.Rect(0, 0, shareWidth, shareHeight))}
	draw.Draw(c.img, c.img.Bounds(), image.NewUniform(background), image.Point{}, draw.Src)
	return c
}

// fill paints what path encloses between two heights. Parts that are enclosed
// the other way round are holes.
func (c *canvas) fill(top, bottom int, colour colorful.Color, alpha float64, path func(pen)) {
	p := pen{vector.NewRasterizer(shareWidth, bottom-top), float64(top)}
	path(p)
	r, g, b := colour.RGB255()
	p.z.Draw(c.img, image.Rect(0, top, shareWidth, bottom), image.NewUniform(color.NRGBA{r, g, b, byte(alpha*255 + 0.5)}), image.Point{})
}

// A pen draws outlines on the part of a canvas that begins at top.
type pen struct {
	z   *vector.Rasterizer
	top float64
}

func (p pen) move(x, y float64) { p.z.MoveTo(float32(x), float32(y-p.top)) }
func (p pen) line(x, y float64) { p.z.LineTo(float32(x), float32(y-p.top)) }
func (p pen) quad(ax, ay, bx, by float64) {
	p.z.QuadTo(float32(ax), float32(ay-p.top), float32(bx), float32(by-p.top))
}
func (p pen) cube(ax, ay, bx, by, cx, cy float64) {
	p.z.CubeTo(float32(ax), float32(ay-p.top), float32(bx), float32(by-p.top), float32(cx), float32(cy-p.top))
}

// block draws a rectangle with rounded corners. With its left and right swapped
// it goes round the other way, for a hole.
func (p pen) block(x0, y0, x1, y1, round float64) {
	rx, ry := round, round
	if x1 < x0 {
		rx = -round
	}
	// The part of a corner that is left to the curve's handles.
	kx, ky := rx*0.45, ry*0.45
	p.move(x0+rx, y0)
	p.line(x1-rx, y0)
	p.cube(x1-kx, y0, x1, y0+ky, x1, y0+ry)
	p.line(x1, y1-ry)
	p.cube(x1, y1-ky, x1-kx, y1, x1-rx, y1)
	p.line(x0+rx, y1)
	p.cube(x0+kx, y1, x0, y1-ky, x0, y1-ry)
	p.line(x0, y0+ry)
	p.cube(x0, y0+ky, x0+kx, y0, x0+rx, y0)
	p.z.ClosePath()
}

// homeDay is a square, awayDay a square with a hole.
func (p pen) homeDay(x, y, side float64) { p.block(x, y, x+side, y+side, 4) }

func (p pen) awayDay(x, y, side float64) {
	p.block(x, y, x+side, y+side, 4)
	p.block(x+side-2.5, y+2.5, x+2.5, y+side-2.5, 2)
}

// stroke draws a line through points with square joints, as wide as told.
func (p pen) stroke(wide float64, points ...[2]float64) {
	n := len(points)
	// There on one side, back on the other. At a joint the two pieces' normals
	// are added up so that the line keeps its width.
	side := func(i int, sign float64) (float64, float64) {
		at := points[i]
		x, y := normal(points[max(i-1, 0)], at, points[min(i+1, n-1)])
		return at[0] + sign*x*wide/2, at[1] + sign*y*wide/2
	}
	p.move(side(0, 1))
	for i := 1; i < n; i++ {
		p.line(side(i, 1))
	}
	for i := n - 1; i >= 0; i-- {
		p.line(side(i, -1))
	}
	p.z.ClosePath()
}

// normal is the direction across a line at p on its way from a to b, as long as
// the joint needs it.
func normal(a, p, b [2]float64) (x, y float64) {
	unit := func(from, to [2]float64) (float64, float64) {
		dx, dy := to[0]-from[0], to[1]-from[1]
		if l := math.Hypot(dx, dy); l > 0 {
			return -dy / l, dx / l
		}
		return 0, 0
	}
	x1, y1 := unit(a, p)
	x2, y2 := unit(p, b)
	x, y = x1+x2, y1+y2
	// For a straight piece the sum is as long as one or both of its halves.
	length := x*x + y*y
	if x1 == 0 && y1 == 0 || x2 == 0 && y2 == 0 {
		return x, y
	}
	return 2 * x / length, 2 * y / length
}

// court draws the lines of half a court from above, fading to the left.
func (c *canvas) court(colour colorful.Color, alpha float64) {
	const wide, middle, edge = 4.5, shareHeight / 2, shareWidth
	layer := &canvas{img: image.NewRGBA(c.img.Bounds())}
	layer.fill(0, shareHeight, colour, 1, func(p pen) {
		arc := func(x, radius, from, to float64) {
			var points [][2]float64
			for i := range 97 {
				a := from + (to-from)*float64(i)/96
				points = append(points, [2]float64{x + radius*math.Cos(a), middle + radius*math.Sin(a)})
			}
			p.stroke(wide, points...)
		}
		arc(edge-250, 80, 0, 2*math.Pi)
		arc(edge-660, 80, 0, 2*math.Pi)
		arc(edge-660, 27, 0, 2*math.Pi)
		arc(edge-70, 317, math.Pi/2, 3*math.Pi/2)
		arc(edge-70, 10, 0, 2*math.Pi)
		p.stroke(wide, [2]float64{edge - 660, 0}, [2]float64{edge - 660, shareHeight})
		p.stroke(wide, [2]float64{edge, middle - 107}, [2]float64{edge - 250, middle - 107}, [2]float64{edge - 250, middle + 107}, [2]float64{edge, middle + 107})
		p.stroke(wide, [2]float64{edge - 54, middle - 40}, [2]float64{edge - 54, middle + 40})
	})
	mask := image.NewAlpha(c.img.Bounds())
	for x := range shareWidth {
		mask.Pix[x] = byte(min(1, max(0.12, (float64(x)-300)/600)) * alpha * 255)
	}
	for y := 1; y < shareHeight; y++ {
		copy(mask.Pix[y*mask.Stride:], mask.Pix[:mask.Stride])
	}
	draw.DrawMask(c.img, c.img.Bounds(), layer.img, image.Point{}, mask, image.Point{}, draw.Over)
}

// season draws the months next to each other, a column for each weekday.
func (c *canvas) season(font *sfnt.Font, first, last schedule.Day, home, away map[schedule.Day]bool, ink, fill colorful.Color) {
	begin := first.Time(time.UTC)
	begin = time.Date(begin.Year(), begin.Month(), 1, 0, 0, 0, 0, time.UTC)
	end := last.Time(time.UTC)
	months := (end.Year()-begin.Year())*12 + int(end.Month()) - int(begin.Month()) + 1
	wide := min(152, (shareWidth-144)/float64(months))
	step := (wide - 14) / 7
	const top = 412
	side := step - 4
	// One path for all days of a kind: each path goes over the whole picture.
	days := func(colour colorful.Color, alpha float64, draw func(p pen, day schedule.Day, x, y float64)) {
		c.fill(top, top+130, colour, alpha, func(p pen) {
			for i := range months {
				month := begin.AddDate(0, i, 0)
				for day := month; day.Month() == month.Month(); day = day.AddDate(0, 0, 1) {
					place := int(month.Weekday()) + day.Day() - 1
					draw(p, schedule.Day(day.Format(time.DateOnly)), 72+float64(i)*wide+float64(place%7)*step, top+float64(place/7)*step)
				}
			}
		})
	}
	days(ink, 0.16, func(p pen, day schedule.Day, x, y float64) {
		if !home[day] && !away[day] {
			p.homeDay(x, y, side)
		}
	})
	days(fill, 1, func(p pen, day schedule.Day, x, y float64) {
		if away[day] {
			p.homeDay(x, y, side)
		}
	})
	days(ink, 1, func(p pen, day schedule.Day, x, y float64) {
		switch {
		case home[day]:
			p.homeDay(x, y, side)
		case away[day]:
			p.awayDay(x, y, side)
		}
	})
	for i := range months {
		c.text(font, begin.AddDate(0, i, 0).Format("Jan"), 72+float64(i)*wide, top-14, 24, 1, ink, 1)
	}
}

// text writes a line whose letters are as wide as told, 1 for the font's own
// width.
func (c *canvas) text(font *sfnt.Font, line string, x, y, size, wide float64, colour colorful.Color, alpha float64) {
	c.fill(int(y-size), int(y+size/3), colour, alpha, func(p pen) { c.letters(&p, font, line, x, y, size, wide) })
}

// width is how wide text writes a line.
func (c *canvas) width(font *sfnt.Font, line string, size, wide float64) float64 {
	return c.letters(nil, font, line, 0, 0, size, wide)
}

// letters adds a line's outlines, if there is where to, and returns its width.
func (c *canvas) letters(p *pen, font *sfnt.Font, line string, x, y, size, wide float64) float64 {
	began := x
	em := fixed.Int26_6(size * 64)
	for _, r := range line {
		glyph, err := font.GlyphIndex(&c.buf, r)
		if err != nil {
			c.err = err
			return 0
		}
		if p != nil {
			outline, err := font.LoadGlyph(&c.buf, glyph, em, nil)
			if err != nil {
				c.err = err
				return 0
			}
			at := func(q fixed.Point26_6) (float64, float64) {
				return x + wide*float64(q.X)/64, y + float64(q.Y)/64
			}
			for _, piece := range outline {
				ax, ay := at(piece.Args[0])
				bx, by := at(piece.Args[1])
				cx, cy := at(piece.Args[2])
				switch piece.Op {
				case sfnt.SegmentOpMoveTo:
					p.move(ax, ay)
				case sfnt.SegmentOpLineTo:
					p.line(ax, ay)
				case sfnt.SegmentOpQuadTo:
					p.quad(ax, ay, bx, by)
				case sfnt.SegmentOpCubeTo:
					p.cube(ax, ay, bx, by, cx, cy)
				}
			}
		}
		advance, err := font.GlyphAdvance(&c.buf, glyph, em, 0)
		if err != nil {
			c.err = err
			return 0
		}
		x += wide * float64(advance) / 64
	}
	return x - began
}

// teamPicture answers with the picture of a team's season.
func (s *server) teamPicture(w http.ResponseWriter, r *http.Request) error {
	t, err := teamOf(r)
	if err != nil {
		return err
	}
	return s.sharePicture(w, r, &t)
}

// homePicture answers with the picture of the home page.
func (s *server) homePicture(w http.ResponseWriter, r *http.Request) error {
	return s.sharePicture(w, r, nil)
}

func (s *server) sharePicture(w http.ResponseWriter, r *http.Request, t *schedule.Team) error {
	content, err := s.gallery.picture(s.Schedule.Season(), t, s.Now())
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "image/png")
	h.Set("Cache-Control", "public, max-age=3600")
	// Others show it next to a link to us; that is what it is for.
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	sum := sha256.Sum256(content)
	h.Set("ETag", fmt.Sprintf(`"%x"`, sum[:16]))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	return nil
}
