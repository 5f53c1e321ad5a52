/* SPDX-License-Identifier: GPL-2.0 */
/* OpenTelemetry's exponential histogram in the kernel: exact boundaries at scale 2, without floating point. */
#ifndef SPANWEAVE_HISTOGRAM_H
#define SPANWEAVE_HISTOGRAM_H

#include "maps.h"

ALWAYS u32 log2_floor(u64 value)
{
	u32 log = 0;

#define STEP(bits)                      \
	if (value >> (bits)) {          \
		log += (bits);          \
		value >>= (bits);       \
	}
	STEP(32) STEP(16) STEP(8) STEP(4) STEP(2) STEP(1)
#undef STEP
	return log;
}

/* The bucket (2^(i/4), 2^((i+1)/4)] that holds a positive value. */
ALWAYS u32 bucket_of(u64 value)
{
	u32 power = log2_floor(value), bucket = power * 4;
	u64 mantissa = value << (63 - power); /* 1.0 is 2^63 */

	if (mantissa == 1ULL << 63) /* a power of two is the upper end of the bucket below */
		return bucket ? bucket - 1 : 0;
	if (mantissa > 0x9837F0518DB8A96FULL) /* 2^(1/4) */
		bucket++;
	if (mantissa > 0xB504F333F9DE6484ULL) /* 2^(2/4) */
		bucket++;
	if (mantissa > 0xD744FCCAD69D6AF4ULL) /* 2^(3/4) */
		bucket++;
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

const struct histogram no_samples = {};

ALWAYS void record_duration(u32 probe, u64 duration)
{
	struct histogram *histogram = bpf_map_lookup_elem(&histograms, &probe);
	u32 bucket;

	if (!histogram) {
		bpf_map_update_elem(&histograms, &probe, &no_samples, BPF_NOEXIST);
		histogram = bpf_map_lookup_elem(&histograms, &probe);
		if (!histogram)
			return;
	}
	histogram->count++;
	histogram->sum += duration;
	if (duration > histogram->max)
		histogram->max = duration;
	if (!duration) {
		histogram->zero++;
		return;
	}
	bucket = bucket_of(duration);
	if (bucket < HISTOGRAM_BUCKETS)
		histogram->buckets[bucket]++;
}

#endif
