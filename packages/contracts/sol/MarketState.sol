// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Bounds} from "./Bounds.sol";
import {IAudits} from "./IAudits.sol";
import {IDelegations} from "./IDelegations.sol";
import {IDisputes} from "./IDisputes.sol";
import {Charges, IMarket, Slice} from "./IMarket.sol";
import {IReputation} from "./IReputation.sol";
import {IVault} from "./IVault.sol";
import {Terms} from "./Terms.sol";

/// @notice The other contracts of the market, fixed at deployment.
struct Offices {
    IVault vault;
    IAudits audits;
    IDisputes disputes;
    IDelegations delegations;
    IReputation reputation;
    address treasury;
}

/// @title What the market keeps
/// @notice Market and Settlement are one contract in two parts, because of the limit on a contract's size: Settlement's
/// code runs on Market's storage, so both begin with this. Nothing may be kept anywhere else.
abstract contract MarketState is ReentrancyGuardTransient {
    using Terms for address;
    using Terms for bytes;

    /// What shares are parts of.
    uint256 internal constant WHOLE = 10_000;

    /// What is kept of a job beside its terms.
    struct Kept {
        address requester;
        IMarket.JobStatus status;
        uint40 posted;
        uint16 slices;
        uint8 invalid;
        address terms;
    }

    /// What is kept of a slice: of its last attempt.
    struct Work {
        IMarket.SliceStatus status; // None: as it was posted
        uint8 attempt;
        uint40 since;
        uint40 until;
        address account;
        address key;
        uint96 pricePerUnit;
        uint96 locked;
        uint96 score;
        uint32 time;
        uint96 firstPrice;
        uint96 subsidy;
        bytes32 subject; // the task while it runs, the claim from then on
        bytes32 stateRoot;
    }

    /// A slice that is looked at.
    struct Place {
        uint256 job;
        uint16 slice;
        bytes head;
        Slice spec;
    }

    IVault public immutable vault;
    IAudits public immutable audits;
    IDisputes public immutable disputes;
    IDelegations public immutable delegations;
    IReputation public immutable reputation;
    address public immutable treasury;

    Charges internal _charges;
    uint256 internal _jobCount;
    mapping(uint256 job => Kept) internal _jobs;
    mapping(uint256 job => mapping(uint256 slice => Work)) internal _work;
    mapping(uint256 job => mapping(address key => uint256)) internal _busy;
    mapping(bytes32 slice => mapping(address account => bool)) internal _tried;

    constructor(Offices memory offices) {
        Bounds.isContract("vault", address(offices.vault));
        Bounds.isSet("audits", address(offices.audits));
        Bounds.isContract("disputes", address(offices.disputes));
        Bounds.isContract("delegations", address(offices.delegations));
        Bounds.isContract("reputation", address(offices.reputation));
        Bounds.isSet("treasury", offices.treasury);
        vault = offices.vault;
        audits = offices.audits;
        disputes = offices.disputes;
        delegations = offices.delegations;
        reputation = offices.reputation;
        treasury = offices.treasury;
    }

    /// What is locked for a slice of a job, as the vault names it.
    function _obligation(uint256 job, uint256 slice, uint256 attempt) internal pure returns (bytes32) {
        return bytes32(job << 32 | slice << 16 | attempt);
    }

    /// One slice less that a key works on: it is busy from its lead to its claim.
    function _notBusy(Kept storage kept, uint256 job, address key) internal {
        if (kept.slices > 1) --_busy[job][key];
    }

    function _kept(uint256 job) internal view returns (Kept storage kept) {
        kept = _jobs[job];
        if (kept.status == IMarket.JobStatus.None) revert IMarket.UnknownJob(job);
    }

    function _place(Kept storage kept, uint256 job, uint16 slice)
        internal
        view
        returns (Work storage work, Place memory place)
    {
        if (slice >= kept.slices) revert IMarket.UnknownSlice(job, slice);
        work = _work[job][slice];
        place.job = job;
        place.slice = slice;
        place.head = kept.terms.read();
        place.spec = kept.terms.slice(place.head, slice);
    }

    function _statusOf(Work storage work, Place memory place) internal view returns (IMarket.SliceStatus status) {
        status = work.status;
        if (status != IMarket.SliceStatus.None) return status;
        bool reads = place.spec.initialFrom != Terms.GIVEN || place.spec.inputsFrom.length != 0;
        return reads ? IMarket.SliceStatus.Waiting : IMarket.SliceStatus.Bidding;
    }

    /// Whether the account of the last attempt has the slice, or had it to its end.
    function _holds(Work storage work) internal view returns (bool) {
        return work.status >= IMarket.SliceStatus.Assigned && work.status != IMarket.SliceStatus.Cancelled;
    }

    function _mustBe(Place memory place, Work storage work, IMarket.SliceStatus expected) internal view {
        if (work.status != expected) revert IMarket.WrongSliceStatus(place.job, place.slice, _statusOf(work, place));
    }

    function _mustBeInTime(Place memory place, Work storage work) internal view {
        if (block.timestamp > work.until) revert IMarket.TooLate(place.job, place.slice, block.timestamp, work.until);
    }

    function _mustActFor(address account, uint256 scope) internal view {
        if (msg.sender != account && delegations.accountOf(msg.sender, scope) != account) {
            revert IMarket.NotYours(msg.sender, account);
        }
    }

    function _sliceKey(Place memory place) internal pure returns (bytes32) {
        return bytes32(place.job << 16 | place.slice);
    }
}
