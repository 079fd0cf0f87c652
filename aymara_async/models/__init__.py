"""The shapes of the API: one attrs class for each kind of request and answer."""

from aymara_async.models.analysis import (
    EvalAnalysisRequest,
    EvalAnalysisResult,
    EvalAnalyzeResponse,
    EvalStatistics,
    SortKey,
    SortOrder,
)
from aymara_async.models.error_body import ErrorBody, ErrorContent
from aymara_async.models.eval_types import AIInstruction, EvalType
from aymara_async.models.evals import Eval, EvalCreate, EvalUpdate
from aymara_async.models.files import (
    FileCreateResponse,
    FileDetail,
    FileFrames,
    FileReference,
    FileSource,
    FileStatus,
    FileUpload,
    FileUploadRequest,
)
from aymara_async.models.instructions import (
    AgentInstructions,
    AIInstructions,
    Tool,
    ToolArray,
    ToolDict,
    Tools,
    ToolString,
    WorkflowInstructions,
)
from aymara_async.models.model import Model, Timestamp
from aymara_async.models.open_enums import (
    ContentType,
    ErrorCode,
    EvalRunExampleType,
    FileType,
    ProcessingStatus,
    PromptAction,
    PromptExampleType,
    Status,
)
from aymara_async.models.page import ItemList
from aymara_async.models.prompts import EvalPrompt, PromptCreate, PromptExample, PromptUpdate
from aymara_async.models.reports import EvalRunReport, EvalSuiteReport, EvalSuiteReportRequest
from aymara_async.models.responses import AnswerHistory, AnswerUpdateRequest, EvalResponse, ScoredResponse
from aymara_async.models.runs import EvalRunExample, EvalRunRequest, EvalRunResult
from aymara_async.models.users import FeatureFlags, Organization, User, Workspace

__all__ = [
    "AIInstruction",
    "AIInstructions",
    "AgentInstructions",
    "AnswerHistory",
    "AnswerUpdateRequest",
    "ContentType",
    "ErrorBody",
    "ErrorCode",
    "ErrorContent",
    "Eval",
    "EvalAnalysisRequest",
    "EvalAnalysisResult",
    "EvalAnalyzeResponse",
    "EvalCreate",
    "EvalPrompt",
    "EvalResponse",
    "EvalRunExample",
    "EvalRunExampleType",
    "EvalRunReport",
    "EvalRunRequest",
    "EvalRunResult",
    "EvalStatistics",
    "EvalSuiteReport",
    "EvalSuiteReportRequest",
    "EvalType",
    "EvalUpdate",
    "FeatureFlags",
    "FileCreateResponse",
    "FileDetail",
    "FileFrames",
    "FileReference",
    "FileSource",
    "FileStatus",
    "FileType",
    "FileUpload",
    "FileUploadRequest",
    "ItemList",
    "Model",
    "Organization",
    "ProcessingStatus",
    "PromptAction",
    "PromptCreate",
    "PromptExample",
    "PromptExampleType",
    "PromptUpdate",
    "ScoredResponse",
    "SortKey",
    "SortOrder",
    "Status",
    "Timestamp",
    "Tool",
    "ToolArray",
    "ToolDict",
    "ToolString",
    "Tools",
    "User",
    "WorkflowInstructions",
    "Workspace",
]
