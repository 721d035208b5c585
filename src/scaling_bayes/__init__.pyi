# The one list of public names: `__init__.py` reads from it where each is, type checkers what it is.
from scaling_bayes.archive.hub import export_forecasts as export_forecasts
from scaling_bayes.citing.cite import cite as cite
from scaling_bayes.core.laws import LAWS as LAWS
from scaling_bayes.core.priors import Prior as Prior
from scaling_bayes.core.priors import default_priors as default_priors
from scaling_bayes.diagnostics.checks import checks as checks
from scaling_bayes.diagnostics.criticism import data_checks as data_checks
from scaling_bayes.diagnostics.log_prior import add_log_prior as add_log_prior
from scaling_bayes.diagnostics.scores import load_scorecard as load_scorecard
from scaling_bayes.diagnostics.scoring import score as score
from scaling_bayes.diagnostics.verification import verify_trace as verify_trace
from scaling_bayes.errors import DataError as DataError
from scaling_bayes.errors import OptionError as OptionError
from scaling_bayes.errors import ScalingBayesError as ScalingBayesError
from scaling_bayes.errors import TargetError as TargetError
from scaling_bayes.errors import TraceError as TraceError
from scaling_bayes.errors import WriteError as WriteError
from scaling_bayes.model.evaluate.calibrate import calibrate as calibrate
from scaling_bayes.model.evaluate.compare import Comparison as Comparison
from scaling_bayes.model.evaluate.compare import compare as compare
from scaling_bayes.model.evaluate.scorecard import scorecard as scorecard
from scaling_bayes.model.evaluate.stack import stack as stack
from scaling_bayes.model.fit import FitWarning as FitWarning
from scaling_bayes.model.fit import fit as fit
from scaling_bayes.model.hardware import fit_hardware as fit_hardware
from scaling_bayes.projection.affordability import affordability as affordability
from scaling_bayes.projection.decompose import decompose as decompose
from scaling_bayes.projection.forecast import forecast as forecast
from scaling_bayes.projection.largest_machines import largest_run_year as largest_run_year
from scaling_bayes.projection.largest_machines import record_machine_time as record_machine_time
from scaling_bayes.projection.predict import predict as predict
from scaling_bayes.projection.project import project as project
from scaling_bayes.projection.reached import reached as reached
from scaling_bayes.projection.required_gain import compare_routes as compare_routes
from scaling_bayes.projection.required_gain import required_gain as required_gain
from scaling_bayes.projection.runs.estimate import estimate_run as estimate_run
from scaling_bayes.projection.runs.words import model_card as model_card
from scaling_bayes.projection.scenario import Scenario as Scenario
from scaling_bayes.projection.summarize import summary as summary
from scaling_bayes.projection.targets import default_targets as default_targets
from scaling_bayes.report.write import write_report as write_report
from scaling_bayes.systems.load import load_systems as load_systems
from scaling_bayes.systems.load import reference_systems as reference_systems
from scaling_bayes.systems.schema import validate_systems as validate_systems
from scaling_bayes.trace.io import open_trace as open_trace
from scaling_bayes.trace.io import save_trace as save_trace
from scaling_bayes.trace.releases import list_traces as list_traces

__all__: list[str]
__version__: str

def __getattr__(name: str) -> object: ...
