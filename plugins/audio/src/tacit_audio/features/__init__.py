"""Features of recordings, in batches and on their device: log-mel, MFCC, constant-Q."""

from tacit_audio.features.constant_q import ConstantQ, ConstantQConfig
from tacit_audio.features.mel import LogMel, LogMelConfig, Spectrogram, mel_filters
from tacit_audio.features.mfcc import Mfcc, statistics
from tacit_audio.features.resample import resample

__all__ = [
    "ConstantQ",
    "ConstantQConfig",
    "LogMel",
    "LogMelConfig",
    "Mfcc",
    "Spectrogram",
    "mel_filters",
    "resample",
    "statistics",
]
