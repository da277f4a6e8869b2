// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProgramHeader} from "./IDisputes.sol";

/// @notice One task of a job. A slice waits for slices with smaller numbers only, and until they are settled.
struct Slice {
    uint16 program; // its place in the post
    uint16 initialFrom; // the slice whose final state it begins with; GIVEN: `initialItem` says it
    uint16 group; // slices of one group that is not 0 go to different accounts: replicas
    uint16[] inputsFrom; // the slices whose final states are its inputs, in order; empty: `inputsRoot` says them
    bytes32 initialItem; // else zero
    bytes32 inputsRoot; // else zero
    uint64 steps;
    uint32 segmentLength;
    uint64 work; // in units of 10^6 scalar instructions
    uint32 time; // seconds that a run may take at most
}

/// @notice Seconds, but for the deadline.
struct Times {
    uint32 bidding; // how long bids are gathered before one can lead
    uint32 inclusion; // how long a better bid can replace the leading one
    uint32 receipt; // from the end of the inclusion window to the receipt of the inputs
    uint32 audit; // what auditors have from the draw to their commit
    uint32 answer; // opening and revealing have this each
    uint32 window; // how long a claim can be challenged; this and the rest are of Disputes
    uint32 clock;
    uint32 segmentTime;
    uint32 stepTime;
    uint32 moveTime;
    uint64 deadline; // unix time: after it no attempt begins
}

/// @notice A job as it is posted. Nothing of it changes afterwards. Prices are in the token's smallest unit.
struct Post {
    ProgramHeader[] programs; // 1 to 8
    Slice[] slices; // 1 to 256
    bytes32 manifest; // keccak256 of the canonical manifest's bytes
    uint128 ceiling; // the most that is paid for a unit of work
    uint128 auditPrice; // what an auditor is paid for a unit of work audited
    uint128 bond; // native coin: of claimants and challengers in Disputes
    uint16 auditRate; // the part of a slice's segments that each auditor executes, of 10,000
    uint8 auditors; // 1 to 8
    Times times;
    address[] allowed; // empty: everyone who is not banned; at most 64
    address[] banned; // at most 64
}

/// @notice EIP-712; the domain is ("Lockstep Market", "1", chain, contract). Signed by a node key with the scope PROVIDE.
struct Bid {
    uint256 job;
    address account;
    address key;
    uint128 pricePerUnit;
    uint32 time; // seconds from the receipt in which a slice is promised: it is held to that
    uint16 slices; // the most of this job that the key works on at a time
    uint64 expiry; // the first second at which it is over
    uint256 salt;
}

/// @notice "I hold the inputs of this task." EIP-712 in the same domain, signed by the same key.
struct Receipt {
    uint256 job;
    uint16 slice;
    uint16 attempt;
    bytes32 task;
}

/// @notice What the protocol takes and slashes; frozen for a job when it is posted. Shares are of 10,000.
struct Charges {
    uint16 feeShare; // of all that is paid out of an escrow, on top of it
    uint16 minimumImprovement; // by how much a better bid has to be better
    uint16 noShowShare; // of the locked stake, where no receipt comes
    uint16 lateShare; // of it, where no claim comes
    uint16 bountyShare; // of a full slash, to the challenger
    uint88 minimumStake; // the least that is locked for a slice
    uint88 auditorSlash; // what a silent or lying auditor loses
}

/// @title The market, as others see it
/// @notice post -> bid -> assign -> receipt (run) -> claim -> audit -> (dispute) -> settle. Every state ends by time and
/// by a call that anyone may send.
interface IMarket {
    enum JobStatus {
        None,
        Open,
        Cancelled, // no attempt begins any more
        Closed // what was left is refunded
    }

    enum SliceStatus {
        None,
        Waiting, // for slices that it reads
        Bidding,
        Assigned, // a bid leads; after `firm` it is the provider
        Running,
        Claimed,
        Settled,
        Cancelled,
        Void // its program is invalid
    }

    /// Why an attempt ended without a settled slice.
    enum Fault {
        None,
        Declined, // the inputs were not to be had
        NoShow, // no receipt in time
        Late, // no claim in time
        Silent, // the tallies were not opened in time
        Fallen, // the claim fell
        Unavailable // no auditor could get what it needed
    }

    struct Job {
        address requester;
        JobStatus status;
        uint40 posted;
        uint16 slices;
        uint8 invalid; // bit p: program p has proved to be invalid
        address terms; // the contract whose code is what was posted
        uint256 escrow;
    }

    /// What was posted, without programs and slices; and the charges of that time.
    struct Spec {
        bytes32 manifest;
        uint96 ceiling;
        uint96 auditPrice;
        uint96 bond;
        uint16 auditRate;
        uint8 auditors;
        Times times;
        Charges charges;
        address[] allowed;
        address[] banned;
    }

    /// Where a slice stands, with its last attempt.
    struct Progress {
        SliceStatus status;
        uint8 attempt; // from 1; 0 before the first
        uint40 since; // when the status began
        uint40 until; // Bidding: when bids can lead. Assigned: for the receipt. Running: for the claim
        uint40 firm; // Assigned: when the inclusion window ends
        address account;
        address key;
        uint96 pricePerUnit;
        uint96 score;
        uint32 time;
        uint96 locked;
        uint96 firstPrice; // per unit, of the first attempt that failed when it was firm: what is dearer is subsidised
        uint96 subsidy; // out of slashes, for a dearer replacement
        bytes32 task; // zero before the receipt
        bytes32 claim; // zero before the claim
        bytes32 stateRoot; // as claimed
    }

    event ChargesSet(Charges charges);
    event JobPosted(
        uint256 indexed job,
        address indexed requester,
        bytes32 indexed manifest,
        uint256 escrow,
        address terms,
        Charges charges,
        Post post
    );
    /// Bids are gathered until `until`. Slices that wait for none are open since their job was posted, without this event.
    event SliceOpened(uint256 indexed job, uint16 indexed slice, uint16 attempt, uint256 until);
    /// A bid leads. Until `firm` a better one may replace it: then this comes again, with the same attempt.
    event SliceAssigned(
        uint256 indexed job,
        uint16 indexed slice,
        address indexed account,
        uint16 attempt,
        address key,
        uint256 pricePerUnit,
        uint256 score,
        uint256 time,
        uint256 locked,
        uint256 firm,
        uint256 until
    );
    event SliceReceived(uint256 indexed job, uint16 indexed slice, uint16 attempt, bytes32 indexed task, uint256 until);
    event SliceClaimed(
        uint256 indexed job,
        uint16 indexed slice,
        bytes32 indexed claim,
        uint16 attempt,
        bytes32 root,
        bytes32 stateRoot,
        bytes32 outputsRoot
    );
    /// Of the locked stake `slashed` is gone: to the claim's bounty, to the attempt's auditors, to the slice's subsidy,
    /// and the rest to the treasury.
    event AttemptFailed(
        uint256 indexed job,
        uint16 indexed slice,
        address indexed account,
        uint16 attempt,
        Fault fault,
        uint256 slashed,
        uint256 bounty,
        uint256 audits,
        uint256 subsidy
    );
    /// `paid` to the provider, `subsidised` of it by slashes; `audits` to auditors; `fee` to the treasury.
    event SliceSettled(
        uint256 indexed job,
        uint16 indexed slice,
        address indexed account,
        uint16 attempt,
        uint256 paid,
        uint256 subsidised,
        uint256 audits,
        uint256 fee
    );
    /// The program proved to be invalid: who has run it is paid like for a settled slice.
    event SliceVoided(
        uint256 indexed job,
        uint16 indexed slice,
        address indexed account,
        uint16 attempt,
        uint256 paid,
        uint256 subsidised,
        uint256 audits,
        uint256 fee
    );
    event AuditorPaid(
        uint256 indexed job, uint16 indexed slice, address indexed account, uint16 attempt, uint256 amount
    );
    event SliceCancelled(uint256 indexed job, uint16 indexed slice);
    event JobCancelled(uint256 indexed job, address by);
    /// Slices of the job that had not ended are cancelled herewith, without events of their own.
    event JobClosed(uint256 indexed job, uint256 refund);
    /// Nobody has won the dispute where `challenger` is the treasury and `dispute` is zero.
    event BountyPaid(bytes32 indexed claim, uint256 indexed dispute, address indexed challenger, uint256 amount);

    error WrongParameter(bytes32 name, uint256 value, uint256 least, uint256 most);
    error UnknownJob(uint256 job);
    error UnknownSlice(uint256 job, uint256 slice);
    error WrongJobStatus(uint256 job, JobStatus status);
    error WrongSliceStatus(uint256 job, uint256 slice, SliceStatus status);
    /// Too early, or nothing that has an end by time is under way.
    error NotDue(uint256 job, uint256 slice, SliceStatus status, uint256 until);
    error TooLate(uint256 job, uint256 slice, uint256 time, uint256 until);
    /// The sender does not act for the account with this scope.
    error NotYours(address sender, address account);
    error WrongSignature(address key);
    error WrongJob(uint256 job, uint256 expected);
    error BidExpired(uint256 expiry, uint256 time);
    error BidTooSlow(uint256 time, uint256 most);
    error BidTooDear(uint256 pricePerUnit, uint256 ceiling);
    error BidNotBetter(uint256 score, uint256 most);
    error BidUsedUp(address key, uint256 slices);
    error NotAllowed(address account);
    /// It has failed or declined this slice before.
    error AlreadyTried(address account);
    /// It has another slice of the group.
    error InGroup(address account, uint256 group);
    /// The claim in Disputes is not one of this task by the sender, made after the receipt, with enough of its window left.
    error WrongClaim(bytes32 claim, uint256 until, uint256 least);
    error Unproven(bytes32 found, bytes32 expected);
    error NoBounty(bytes32 claim);
    error WrongDispute(uint256 dispute);

    // Requesters ------------------------------------------------------------------------------------------------------

    /// @notice Posts a job. The escrow is taken from the credit of the sender's account (scope POST):
    /// the sum over slices of (ceiling + auditors * auditPrice) * work, and on that the protocol's fee, rounded up.
    /// @return job Its number, from 1
    function post(Post calldata terms) external returns (uint256 job);

    /// @notice The same, after a deposit of `amount` with a permit of the sender's account.
    function postWithPermit(Post calldata terms, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint256 job);

    /// @notice Begins no attempt any more. Slices that are assigned run on and are paid.
    function cancel(uint256 job) external;

    // Providers -------------------------------------------------------------------------------------------------------

    /// @notice Puts a bid in: the first one after the bidding time leads, later ones within the inclusion window have to
    /// be better by the minimum improvement. Anyone may carry it. Locks the account's stake.
    function assign(uint256 job, uint16 slice, Bid calldata bid, bytes calldata signature) external;

    /// @notice The provider holds the inputs: creates the task in Disputes and starts the run's clock. Anyone may carry
    /// the bidding key's signature; without one, who acts for the account sends it.
    function receipt(uint256 job, uint16 slice, bytes calldata signature) external returns (bytes32 task);

    /// @notice The inputs are not to be had. Costs nothing but the attempt; the account cannot bid for the slice again.
    function decline(uint256 job, uint16 slice) external;

    /// @notice Brings a claim that the sender has just made in Disputes, and opens its last checkpoint.
    /// @param root The claim's root
    /// @param stateRoot The root over the final state
    /// @param outputsRoot The root over the last step's outputs
    /// @param path All siblings of the last checkpoint under the root
    /// @param sealedTallies keccak256(abi.encode(chainid, audits, claim, salt, tallies)), see IAudits.open
    function claim(
        uint256 job,
        uint16 slice,
        bytes32 root,
        bytes32 stateRoot,
        bytes32 outputsRoot,
        bytes32[] calldata path,
        bytes32 sealedTallies
    ) external;

    // Anyone ----------------------------------------------------------------------------------------------------------

    /// @notice Does what is due with a slice; reverts with NotDue where nothing is.
    function advance(uint256 job, uint16 slice) external;

    /// @notice Ends a job of which no slice is under way and no attempt can begin, and refunds the rest.
    function close(uint256 job) external;

    /// @notice Pays a fallen claim's bounty to whoever won this dispute about it.
    function bounty(bytes32 claim, uint256 dispute) external;

    /// @notice Sends the bounty of a claim that has not fallen (its provider was silent in the audit) to the treasury.
    function sweepBounty(bytes32 claim) external;

    // Reads -----------------------------------------------------------------------------------------------------------

    function getJob(uint256 job) external view returns (Job memory);
    function getSpec(uint256 job) external view returns (Spec memory);
    function getProgram(uint256 job, uint8 program) external view returns (ProgramHeader memory);
    function getSlice(uint256 job, uint16 slice) external view returns (Slice memory);
    function getProgress(uint256 job, uint16 slice) external view returns (Progress memory);
    /// @notice The accounts that must not audit this slice: its provider, those of its group, the requester.
    function partiesOf(uint256 job, uint16 slice) external view returns (address[] memory);
    /// @notice What is locked for a slice at its assignment.
    function stakeFor(uint256 job, uint16 slice) external view returns (uint256);
    /// @notice What is locked for a slice of a job, as the vault names it.
    function obligationOf(uint256 job, uint16 slice, uint16 attempt) external pure returns (bytes32);
    function charges() external view returns (Charges memory);
    function jobCount() external view returns (uint256);
    function hashBid(Bid calldata bid) external view returns (bytes32);
    function hashReceipt(Receipt calldata signed) external view returns (bytes32);
    /// @notice The least that a job can set for each of its times, in seconds.
    function minimumTime() external view returns (uint256);
}
