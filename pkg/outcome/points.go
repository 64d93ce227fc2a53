package outcome

import (
	"cmp"
	"time"
)

// Points are the metrics of one outcome.
func (o Outcome) Points() []Point {
	at := o.Began.Add(time.Duration(o.TookMS) * time.Millisecond)
	kind := cmp.Or(o.Kind, "unknown")
	dimensions := map[string]string{"kind": kind, "outcome": string(o.Status)}
	points := []Point{
		{Name: MetricRotations, Dimensions: dimensions, Value: 1, At: at},
		{Name: MetricRotationDuration, Dimensions: dimensions, Value: float64(o.TookMS), At: at},
	}
	if o.Status == Rotated && o.OldMade != nil {
		points = append(points, Point{Name: MetricCredentialAge, Dimensions: map[string]string{"kind": kind},
			Value: at.Sub(*o.OldMade).Hours() / 24, At: at})
	}
	return points
}

// Points are the metrics of a sweep that ended at the given time.
func (d Digest) Points(at time.Time, finished bool) []Point {
	result := "finished"
	if !finished {
		result = "unfinished"
	}
	points := []Point{{Name: MetricSweeps, Dimensions: map[string]string{"result": result}, Value: 1, At: at}}
	for _, o := range d.Outcomes {
		points = append(points, o.Points()...)
	}
	return points
}

// LostMessages is the metric of messages that could not be sent to a channel.
func LostMessages(channel string, n int, at time.Time) Point {
	return Point{Name: MetricLostMessages, Dimensions: map[string]string{"channel": channel}, Value: float64(n), At: at}
}
