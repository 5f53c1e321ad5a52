"""The rows of the OpenTelemetry specification's compliance matrix, in our words, and the test that shows each.

A test is named `file::function`, the file below `tests/wasm_sdk`. What is left out stands in docs/sdk.md with its
reason; a row of the matrix is in one of the two.
"""

# ruff: noqa: E501  (names of tests are as long as they are)

import ast
from functools import cache
from pathlib import Path

import pytest

SPAN, PROVIDER, SAMPLER = "sdk/trace/test_span.py", "sdk/trace/test_provider.py", "sdk/trace/test_sampler.py"
ENCODE, CONTEXT, BAGGAGE = (
    "sdk/trace/test_encode.py",
    "propagation/test_tracecontext.py",
    "propagation/test_baggage.py",
)
INSTRUMENTS, VIEWS = "sdk/metrics/test_instruments.py", "sdk/metrics/test_views.py"
READERS, EXEMPLARS = "sdk/metrics/test_readers.py", "sdk/metrics/test_exemplars.py"
EXPONENTIAL, LOGS = "sdk/metrics/test_exponential.py", "sdk/logs/test_logs.py"
RESOURCE, LIMITS, CONFIGURE = "sdk/test_resource.py", "sdk/test_limits.py", "sdk/test_configure.py"
HTTP, SETTINGS, BATCH = "export/test_otlp_http.py", "export/test_settings.py", "export/test_batch.py"
CODE = "sdk/test_instrumented_code.py"

TRACES = {
    "a tracer provider can be made": f"{PROVIDER}::test_one_scope_has_one_tracer",
    "a tracer by name and version": f"{PROVIDER}::test_one_scope_has_one_tracer",
    "a tracer with a schema URL": f"{PROVIDER}::test_one_scope_has_one_tracer",
    "a tracer with scope attributes": f"{PROVIDER}::test_one_scope_has_one_tracer",
    "a tracer belongs to its scope": f"{PROVIDER}::test_one_scope_has_one_tracer",
    "provider and tracer among threads": f"{BATCH}::test_threads_wake_the_loop_when_a_batch_is_full",
    "shutdown": f"{PROVIDER}::test_after_shutdown_tracers_do_nothing",
    "force flush": f"{PROVIDER}::test_several_processors_are_flushed_together",
    "the active span is read": f"{SPAN}::test_a_child_of_the_current_span",
    "the active span is set": f"{SPAN}::test_use_span_of_the_api",
    "a tracer makes spans": f"{SPAN}::test_a_root_span",
    "attributes at creation are preferred": f"{SAMPLER}::test_a_sampler_sees_the_full_context_and_changes_the_span",
    "a span context knows if it is valid": f"{SPAN}::test_an_invalid_parent_is_none",
    "a span context knows if it is remote": f"{ENCODE}::test_a_batch_is_what_the_official_encoder_makes_of_it",
    "span contexts follow W3C Trace Context": f"{CONTEXT}::test_valid_parents",
    "trace ids are random as level 2 asks": f"{CONTEXT}::test_the_random_flag_is_passed_on",
    "root spans": f"{SPAN}::test_a_root_span",
    "the active span is the default parent": f"{SPAN}::test_a_child_of_the_current_span",
    "a parent out of a context": f"{SPAN}::test_an_explicit_parent_wins_over_the_current_span",
    "no parent but a context's": f"{SPAN}::test_an_explicit_parent_wins_over_the_current_span",
    "processors get the parent context": f"{PROVIDER}::test_processors_get_the_parent_context",
    "the name changes": f"{SPAN}::test_the_name_can_change",
    "a start time is given": f"{SPAN}::test_times_can_be_given",
    "a span ends": f"{SPAN}::test_a_root_span",
    "an end time is given": f"{SPAN}::test_times_can_be_given",
    "a span tells whether it records": f"{SPAN}::test_a_root_span",
    "an ended span does not record": f"{SPAN}::test_an_ended_span_does_not_change",
    "status unset, OK and error": f"{SPAN}::test_status",
    "a limit of events": f"{SPAN}::test_what_exceeds_a_limit_is_dropped_and_counted",
    "a limit of attributes": f"{SPAN}::test_what_exceeds_a_limit_is_dropped_and_counted",
    "a limit of links": f"{SPAN}::test_what_exceeds_a_limit_is_dropped_and_counted",
    "processors change an ending span": f"{PROVIDER}::test_a_span_can_change_for_the_last_time_while_it_ends",
    "attributes are set": f"{SPAN}::test_attributes",
    "attributes of strings, booleans, doubles, integers, arrays": f"{SPAN}::test_attributes",
    "null is documented": f"{SPAN}::test_attributes",
    "keys and values in any language": f"{SPAN}::test_attributes",
    "links at creation": f"{SPAN}::test_links_keep_their_order",
    "links afterwards": f"{SPAN}::test_links_keep_their_order",
    "links in order": f"{SPAN}::test_links_keep_their_order",
    "events are added": f"{SPAN}::test_events_keep_their_order",
    "events in order": f"{SPAN}::test_events_keep_their_order",
    "exceptions are recorded": f"{SPAN}::test_exceptions_are_events",
    "exceptions with more attributes": f"{SPAN}::test_exceptions_are_events",
    "samplers change tracestate": f"{SAMPLER}::test_a_sampler_sees_the_full_context_and_changes_the_span",
    "samplers see the whole context": f"{SAMPLER}::test_a_sampler_sees_the_full_context_and_changes_the_span",
    "dropped spans have ids of their own": f"{SAMPLER}::test_a_dropped_span_has_its_own_id_and_passes_the_decision_on",
    "id generators": f"{PROVIDER}::test_identifiers_can_come_from_elsewhere",
    "span limits": f"{LIMITS}::test_span_limits_come_from_the_variables_of_opentelemetry_sdk",
    "processors flush": f"{PROVIDER}::test_simple_processor_exports_each_span_by_itself",
    "attribute limits": f"{SPAN}::test_values_are_cut_to_length",
    "the scope of an ended span": f"{PROVIDER}::test_one_scope_has_one_tracer",
    "ratio sampling writes its threshold": f"{SAMPLER}::test_a_kept_trace_tells_its_probability",
    "a sampler that records everything": f"{SAMPLER}::test_always_record_records_what_its_root_drops",
}

BAGGAGE_ROWS = {
    "baggage": f"{BAGGAGE}::test_received_baggage_joins_what_is_there",
    "the baggage header": f"{BAGGAGE}::test_properties_travel_with_their_value",
}

METRICS = {
    "the API's global provider": f"{CONFIGURE}::test_the_apis_globals_are_set_and_everything_leaves_at_exit",
    "any number of providers": f"{INSTRUMENTS}::test_readers_do_not_disturb_each_other",
    "a provider gives meters": f"{INSTRUMENTS}::test_meters_are_namespaces_of_their_own",
    "meters by name, version, schema URL": f"{INSTRUMENTS}::test_meters_are_namespaces_of_their_own",
    "meters with attributes": f"{INSTRUMENTS}::test_meters_are_namespaces_of_their_own",
    "a meter without a name works": f"{INSTRUMENTS}::test_no_op_meters",
    "a meter belongs to its scope": f"{INSTRUMENTS}::test_meters_are_namespaces_of_their_own",
    "counters": f"{INSTRUMENTS}::test_counters_add_up",
    "observable counters": f"{INSTRUMENTS}::test_observable_instruments_report_what_their_callbacks_say",
    "histograms": f"{INSTRUMENTS}::test_histograms_count_into_buckets_that_include_their_upper_bound",
    "observable gauges": f"{INSTRUMENTS}::test_observable_instruments_report_what_their_callbacks_say",
    "gauges": f"{INSTRUMENTS}::test_gauges_keep_the_last_value",
    "up-down counters": f"{INSTRUMENTS}::test_up_down_counters_go_both_ways",
    "observable up-down counters": f"{INSTRUMENTS}::test_observable_instruments_report_what_their_callbacks_say",
    "instruments have name, kind, unit, description": f"{INSTRUMENTS}::test_counters_add_up",
    "instruments of one name work, with a warning": (
        f"{INSTRUMENTS}::test_instruments_that_share_only_the_name_all_work_with_a_warning"
    ),
    "the first spelling of a name counts": (
        f"{INSTRUMENTS}::test_instruments_that_share_only_the_name_all_work_with_a_warning"
    ),
    "one name under two meters": f"{INSTRUMENTS}::test_meters_are_namespaces_of_their_own",
    "the syntax of names": f"{INSTRUMENTS}::test_a_name_against_the_syntax_is_logged_and_works",
    "units and descriptions may be missing": f"{INSTRUMENTS}::test_names_that_follow_the_syntax",
    "advised boundaries": f"{VIEWS}::test_a_view_takes_precedence_over_advice",
    "providers, meters and instruments among threads": f"{INSTRUMENTS}::test_threads_lose_nothing",
    "a provider has a resource": f"{INSTRUMENTS}::test_meters_are_namespaces_of_their_own",
    "the resource is that of all metrics": f"{INSTRUMENTS}::test_meters_are_namespaces_of_their_own",
    "the provider alone is configured": f"{VIEWS}::test_an_instrument_must_meet_all_criteria",
    "views are registered": f"{VIEWS}::test_a_view_renames_describes_and_reaggregates",
    "criteria of views": f"{VIEWS}::test_an_instrument_must_meet_all_criteria",
    "wildcards, and the one that matches all": f"{VIEWS}::test_an_instrument_must_meet_all_criteria",
    "views set name, description, keys, aggregation": f"{VIEWS}::test_a_view_renames_describes_and_reaggregates",
    "views exclude keys": f"{VIEWS}::test_attributes_are_kept_or_excluded_before_adding_up",
    "views bring reservoirs": f"{EXEMPLARS}::test_a_view_brings_its_own_reservoir",
    "several views of an instrument": f"{VIEWS}::test_several_views_make_several_metrics",
    "drop aggregation": f"{VIEWS}::test_dropping_everything_but_what_a_view_names",
    "default aggregation by kind": f"{INSTRUMENTS}::test_histograms_have_the_standard_boundaries_by_default",
    "sum aggregation": f"{VIEWS}::test_a_view_renames_describes_and_reaggregates",
    "last-value aggregation": f"{VIEWS}::test_readers_choose_aggregations_by_kind",
    "explicit histograms": f"{VIEWS}::test_a_histogram_may_have_a_single_bucket",
    "exponential histograms": f"{EXPONENTIAL}::test_opentelemetry_sdk_makes_the_same_of_it",
    "readers have exporters": f"{READERS}::test_metrics_are_exported_again_and_again",
    "readers choose aggregations by kind": f"{VIEWS}::test_readers_choose_aggregations_by_kind",
    "readers choose temporality by kind": f"{INSTRUMENTS}::test_delta_points_cover_the_time_since_the_last_collection",
    "exporters get aggregated points, in a batch": f"{READERS}::test_metrics_are_exported_again_and_again",
    "exports do not overlap": f"{READERS}::test_exports_do_not_overlap",
    "an export ends in time, well or not": f"{READERS}::test_a_failing_exporter_is_tried_again",
    "a flush tells how it ended": f"{READERS}::test_a_flush_keeps_to_its_time",
    "shutdown of readers and exporters": f"{READERS}::test_metrics_reach_the_collector_as_the_protocol_has_them",
    "exemplars are sampled": f"{EXEMPLARS}::test_a_measurement_in_a_sampled_span_becomes_an_exemplar",
    "exemplars can be switched off": f"{EXEMPLARS}::test_exemplars_can_be_switched_off",
    "one exemplar filter of three for all": f"{EXEMPLARS}::test_the_environment_chooses_the_filter",
    "exemplars keep what the point leaves out": f"{EXEMPLARS}::test_a_measurement_in_a_sampled_span_becomes_an_exemplar",
    "exemplars name span and time": f"{EXEMPLARS}::test_a_measurement_in_a_sampled_span_becomes_an_exemplar",
    "reservoirs are an interface": f"{EXEMPLARS}::test_a_view_brings_its_own_reservoir",
    "the reservoir of fixed size": f"{EXEMPLARS}::test_each_of_the_offered_is_kept_with_the_same_probability",
    "the reservoir by buckets": f"{EXEMPLARS}::test_explicit_histograms_keep_the_last_of_each_bucket",
    "a cardinality limit, of readers too": f"{VIEWS}::test_beyond_the_cardinality_limit_measurements_go_into_one_series",
    "a cardinality limit of a view": f"{VIEWS}::test_views_limit_cardinality_and_observations_keep_the_first",
    "each series has its own start": f"{INSTRUMENTS}::test_a_late_observation_starts_at_the_collection_before_it",
}

LOG_ROWS = {
    "a provider gives loggers, with attributes": f"{LOGS}::test_one_scope_has_one_logger",
    "shutdown of the logger provider": f"{LOGS}::test_after_shutdown_nothing_is_emitted",
    "flush of the logger provider": f"{LOGS}::test_simple_processor_exports_each_record_by_itself",
    "records are emitted": f"{LOGS}::test_a_whole_record",
    "records with an exception": f"{LOGS}::test_an_exception_becomes_attributes_that_the_caller_may_overrule",
    "event names": f"{LOGS}::test_a_record_in_parts",
    "loggers and processors tell if they are enabled": (
        f"{LOGS}::test_a_logger_is_enabled_while_somebody_wants_the_record"
    ),
    "the simple processor": f"{LOGS}::test_simple_processor_exports_each_record_by_itself",
    "the batch processor": f"{LOGS}::test_records_reach_the_collector",
    "processors of one's own": f"{LOGS}::test_processors_see_what_those_before_them_changed",
    "export over OTLP/HTTP": f"{LOGS}::test_records_reach_the_collector",
    "the OTLP file format": f"{CONFIGURE}::test_a_stream_may_be_a_file",
    "exporters of one's own": f"{LOGS}::test_simple_processor_exports_each_record_by_itself",
    "records carry the trace context": f"{LOGS}::test_the_current_span_gives_the_trace_context",
}

RESOURCE_ROWS = {
    "resources out of attributes, or empty": f"{RESOURCE}::test_resources_are_values",
    "resources merge": f"{RESOURCE}::test_merging",
    "their attributes are read": f"{RESOURCE}::test_resources_are_values",
    "service.name has a default": f"{RESOURCE}::test_the_default_resource_tells_sdk_service_and_process",
    "detectors": f"{RESOURCE}::test_detectors_are_chosen_by_name",
}

PROPAGATION = {
    "contexts with keys and values, attached and detached": f"{SPAN}::test_tasks_keep_their_own_current_span",
    "composite and global propagators": f"{CODE}::test_starlette_and_sqlite_instrumentations",
    "the trace context propagator": f"{CONTEXT}::test_the_trace_goes_on_under_a_new_span",
    "fields, getters and setters": f"{CONTEXT}::test_nothing_is_injected_without_a_valid_span",
}

VARIABLES = {
    "OTEL_SDK_DISABLED": f"{PROVIDER}::test_a_disabled_sdk_makes_no_spans",
    "OTEL_RESOURCE_ATTRIBUTES": f"{RESOURCE}::test_the_environment_is_overruled_by_the_program",
    "OTEL_SERVICE_NAME": f"{RESOURCE}::test_the_environment_is_overruled_by_the_program",
    "OTEL_LOG_LEVEL": f"{CONFIGURE}::test_log_level",
    "OTEL_PROPAGATORS": f"{CONFIGURE}::test_the_environment_chooses_propagators",
    "OTEL_BSP_*": f"{PROVIDER}::test_the_environment_configures_the_batch_processor",
    "OTEL_BLRP_*": f"{LOGS}::test_the_environment_configures_the_batch_processor",
    "OTEL_EXPORTER_OTLP_*": f"{SETTINGS}::test_a_signals_own_variables_win",
    "OTEL_TRACES_EXPORTER": f"{CONFIGURE}::test_signals_can_be_switched_off",
    "OTEL_METRICS_EXPORTER": f"{CONFIGURE}::test_signals_can_be_switched_off",
    "OTEL_LOGS_EXPORTER": f"{CONFIGURE}::test_signals_can_be_switched_off",
    "OTEL_*_LIMIT of spans": f"{LIMITS}::test_span_limits_come_from_the_variables_of_opentelemetry_sdk",
    "OTEL_LOGRECORD_*_LIMIT": f"{LIMITS}::test_log_record_limits",
    "OTEL_TRACES_SAMPLER and its argument": f"{SAMPLER}::test_the_environment_chooses_the_sampler",
    "OTEL_METRIC_EXPORT_*": f"{READERS}::test_times_come_from_the_environment",
    "OTEL_METRICS_EXEMPLAR_FILTER": f"{EXEMPLARS}::test_the_environment_chooses_the_filter",
    "temporality preference": f"{READERS}::test_temporality_preferences",
    "histogram preference": f"{READERS}::test_histogram_preference",
}

EXPORTERS = {
    "an exporter is an interface": f"{READERS}::test_exports_do_not_overlap",
    "to standard output": f"{CONFIGURE}::test_the_console_gets_lines_of_json",
    "to memory": f"{PROVIDER}::test_simple_processor_exports_each_span_by_itself",
    "OTLP/HTTP in protobuf": f"{HTTP}::test_a_request_arrives_as_it_was_encoded",
    "OTLP/HTTP in JSON": f"{HTTP}::test_json",
    "gzip": f"{HTTP}::test_gzip",
    "requests are limited": f"{HTTP}::test_a_request_beyond_the_specifications_limit_is_not_sent",
    "responses are limited": "runtime/test_native.py::test_what_is_no_answer_is_a_failed_connection",
    "requests may overlap": f"{HTTP}::test_retry_after_in_seconds_is_honoured",
    "transient failures are retried": f"{HTTP}::test_transient_failures_are_retried",
    "other failures are not": f"{HTTP}::test_other_failures_are_not",
    "throttling": f"{HTTP}::test_retry_after_as_a_date_is_honoured",
    "several destinations": f"{PROVIDER}::test_several_processors_are_flushed_together",
    "schema URLs of resources and scopes, of spans": f"{ENCODE}::test_a_batch_is_what_the_official_encoder_makes_of_it",
    "the same of metrics": f"{INSTRUMENTS}::test_meters_are_namespaces_of_their_own",
    "the same of logs": f"{LOGS}::test_a_batch_is_what_the_official_encoder_makes_of_it",
    "the user agent": f"{HTTP}::test_a_request_arrives_as_it_was_encoded",
    "partial success is logged": f"{HTTP}::test_partial_success_is_logged_and_not_retried",
    "temporality and aggregation of metric exporters": (
        f"{READERS}::test_metrics_reach_the_collector_as_the_protocol_has_them"
    ),
}

ROWS = TRACES | BAGGAGE_ROWS | METRICS | LOG_ROWS | RESOURCE_ROWS | PROPAGATION | VARIABLES | EXPORTERS

FOLDER = Path(__file__).parents[1]


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((FOLDER / file).read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_its_test(row: str) -> None:
    file, _, name = ROWS[row].partition("::")
    assert name in functions(file)
