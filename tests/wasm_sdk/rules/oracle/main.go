// Judges conditions with the collector's own OTTL: JSON lines in, JSON lines out.
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"regexp"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottldatapoint"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlmetric"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspanevent"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/ottlfuncs"
)

type request struct {
	Context, Condition, Data string
	Pattern                  *string
	Subjects                 []string
}

type response struct {
	Rejected string `json:"rejected,omitempty"`
	Error    string `json:"error,omitempty"`
	Result   bool   `json:"result"`
	Results  []bool `json:"results,omitempty"`
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func judge[K any](p ottl.Parser[K], err error, condition string, item K) (out response) {
	must(err)
	defer func() {
		if r := recover(); r != nil {
			out = response{Error: fmt.Sprint("panic: ", r)}
		}
	}()
	c, err := p.ParseCondition(condition)
	if err != nil {
		return response{Rejected: err.Error()}
	}
	result, err := c.Eval(context.Background(), item)
	if err != nil {
		return response{Error: err.Error()}
	}
	return response{Result: result}
}

func handle(r request) response {
	if r.Pattern != nil {
		re, err := regexp.Compile(*r.Pattern)
		if err != nil {
			return response{Rejected: err.Error()}
		}
		out := response{}
		for _, s := range r.Subjects {
			out.Results = append(out.Results, re.MatchString(s))
		}
		return out
	}
	data, err := base64.StdEncoding.DecodeString(r.Data)
	must(err)
	set := componenttest.NewNopTelemetrySettings()
	switch r.Context {
	case "span", "spanevent":
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(data)
		must(err)
		rs := td.ResourceSpans().At(0)
		ss := rs.ScopeSpans().At(0)
		span := ss.Spans().At(0)
		if r.Context == "span" {
			fs := ottlfuncs.StandardFuncs[*ottlspan.TransformContext]()
			f := ottlfuncs.NewIsRootSpanFactory()
			fs[f.Name()] = f
			p, err := ottlspan.NewParser(fs, set)
			return judge(p, err, r.Condition, ottlspan.NewTransformContext(rs, ss, span))
		}
		p, err := ottlspanevent.NewParser(ottlfuncs.StandardFuncs[*ottlspanevent.TransformContext](), set)
		return judge(p, err, r.Condition, ottlspanevent.NewTransformContext(rs, ss, span, span.Events().At(0), ottlspanevent.WithEventIndex(0)))
	case "log":
		ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(data)
		must(err)
		rl := ld.ResourceLogs().At(0)
		sl := rl.ScopeLogs().At(0)
		p, err := ottllog.NewParser(ottlfuncs.StandardFuncs[*ottllog.TransformContext](), set)
		return judge(p, err, r.Condition, ottllog.NewTransformContext(rl, sl, sl.LogRecords().At(0)))
	case "metric", "datapoint":
		md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(data)
		must(err)
		rm := md.ResourceMetrics().At(0)
		sm := rm.ScopeMetrics().At(0)
		m := sm.Metrics().At(0)
		if r.Context == "metric" {
			p, err := ottlmetric.NewParser(ottlfuncs.StandardFuncs[*ottlmetric.TransformContext](), set)
			return judge(p, err, r.Condition, ottlmetric.NewTransformContext(rm, sm, m))
		}
		var dp any
		switch m.Type() {
		case pmetric.MetricTypeGauge:
			dp = m.Gauge().DataPoints().At(0)
		case pmetric.MetricTypeSum:
			dp = m.Sum().DataPoints().At(0)
		case pmetric.MetricTypeHistogram:
			dp = m.Histogram().DataPoints().At(0)
		case pmetric.MetricTypeExponentialHistogram:
			dp = m.ExponentialHistogram().DataPoints().At(0)
		case pmetric.MetricTypeSummary:
			dp = m.Summary().DataPoints().At(0)
		}
		p, err := ottldatapoint.NewParser(ottlfuncs.StandardFuncs[*ottldatapoint.TransformContext](), set)
		return judge(p, err, r.Condition, ottldatapoint.NewTransformContext(rm, sm, m, dp))
	}
	panic("context " + r.Context)
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<26)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var r request
		must(json.Unmarshal(in.Bytes(), &r))
		must(out.Encode(handle(r)))
	}
}
