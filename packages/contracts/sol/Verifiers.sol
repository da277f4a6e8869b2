// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bounds} from "./Bounds.sol";
import {IDelegations, Scopes} from "./IDelegations.sol";
import {IVault} from "./IVault.sol";
import {IVerifiers} from "./IVerifiers.sol";
import {SumTree} from "./SumTree.sol";

/// @title Verifiers
/// @notice See IVerifiers. Its offices are Audits and the draw, fixed at deployment; nobody has a power over it.
contract Verifiers is IVerifiers {
    using SumTree for SumTree.Tree;

    /// Everyone's stake that is locked here is locked for this.
    bytes32 private constant OBLIGATION = "verifier";
    uint256 public constant MAX_VERIFIERS = SumTree.PLACES;
    /// @notice How many of its own changes a verifier may have waiting.
    uint256 public constant MAX_CHANGES = 8;
    uint256 public constant MAX_PICKED = 8;
    uint256 public constant MAX_EXCLUDED = 256;

    struct Change {
        address account;
        uint40 due;
        uint96 weight; // from then on
    }

    /// Places of the tree that a pick must not meet, by where their weights begin.
    struct Removed {
        uint256 count;
        uint256 weight;
        uint256[] starts;
        uint256[] weights;
    }

    IVault public immutable vault;
    IDelegations public immutable delegations;
    address public immutable audits;
    address public immutable draw;
    uint256 public immutable minimumWeight;
    uint256 public immutable delay;

    mapping(address account => Enrolment) private _enrolments;
    mapping(address account => uint256) public weightOf;
    mapping(uint256 place => address) private _accountAt;
    uint256[] private _freePlaces; // that were taken once
    uint256 private _placesUsed;
    SumTree.Tree private _tree;
    mapping(uint256 number => Change) private _changes;
    uint256 private _firstChange;
    uint256 private _endChange;

    modifier onlyOffice() {
        if (msg.sender != audits && msg.sender != draw) revert NotOffice(msg.sender);
        _;
    }

    /// @param minimumWeight_ The least stake of a verifier
    /// @param delay_ Seconds from a change until it counts; the draw refuses one that is shorter than it takes
    constructor(
        IVault vault_,
        IDelegations delegations_,
        address audits_,
        address draw_,
        uint256 minimumWeight_,
        uint256 delay_
    ) {
        Bounds.isContract("vault", address(vault_));
        Bounds.isContract("delegations", address(delegations_));
        Bounds.isSet("audits", audits_);
        Bounds.isSet("draw", draw_);
        Bounds.within("minimumWeight", minimumWeight_, 1, type(uint96).max);
        Bounds.within("delay", delay_, 1, 30 days);
        vault = vault_;
        delegations = delegations_;
        audits = audits_;
        draw = draw_;
        minimumWeight = minimumWeight_;
        delay = delay_;
    }

    // For verifiers ---------------------------------------------------------------------------------------------------

    /// @inheritdoc IVerifiers
    function enroll(uint256 amount) external {
        address account = _sender();
        Enrolment storage enrolment = _enrolments[account];
        if (enrolment.leaving) revert AlreadyLeaving(account);
        _mayChange(account, enrolment);
        Bounds.within("amount", amount, 1, type(uint96).max);
        uint256 locked = enrolment.locked + amount;
        Bounds.within("locked", locked, minimumWeight, type(uint96).max);
        if (enrolment.place == 0) enrolment.place = uint32(_takePlace(account));
        enrolment.locked = uint96(locked);
        emit Enrolled(account, locked, _change(account, enrolment, locked));
        vault.lock(account, OBLIGATION, amount);
    }

    /// @inheritdoc IVerifiers
    function leave() external {
        address account = _sender();
        Enrolment storage enrolment = _enrolled(account);
        if (enrolment.leaving) revert AlreadyLeaving(account);
        _leave(account, enrolment);
    }

    // For everyone ----------------------------------------------------------------------------------------------------

    /// @inheritdoc IVerifiers
    function applyChanges(uint256 most) external returns (uint256 applied) {
        uint256 number = _firstChange;
        for (; applied < most && _isDue(number); ++applied) {
            Change memory change = _changes[number];
            delete _changes[number++];
            Enrolment storage enrolment = _enrolments[change.account];
            uint256 weight = weightOf[change.account];
            if (change.weight > weight) _tree.add(enrolment.place, change.weight - weight);
            else if (change.weight < weight) _tree.subtract(enrolment.place, weight - change.weight);
            weightOf[change.account] = change.weight;
            --enrolment.changes;
            emit WeightApplied(change.account, change.weight, _tree.total);
            _firstChange = number;
            _endIfOver(change.account, enrolment);
        }
    }

    // For offices -----------------------------------------------------------------------------------------------------

    /// @inheritdoc IVerifiers
    function beginDuty(address account) external onlyOffice {
        uint256 duties = ++_enrolled(account).duties;
        emit DutyBegun(account, msg.sender, duties);
    }

    /// @inheritdoc IVerifiers
    function endDuty(address account) external onlyOffice {
        Enrolment storage enrolment = _enrolled(account);
        uint256 duties = --enrolment.duties;
        emit DutyEnded(account, msg.sender, duties);
        _endIfOver(account, enrolment);
    }

    /// @inheritdoc IVerifiers
    function slash(address account, uint256 amount, address to) external onlyOffice returns (uint256 slashed) {
        Enrolment storage enrolment = _enrolled(account);
        uint256 locked = enrolment.locked;
        slashed = amount < locked ? amount : locked;
        locked -= slashed;
        enrolment.locked = uint96(locked);
        emit VerifierSlashed(account, msg.sender, slashed, locked, to);
        if (!enrolment.leaving) {
            if (locked < minimumWeight) _leave(account, enrolment);
            else _change(account, enrolment, locked);
        }
        vault.slash(account, OBLIGATION, slashed, to);
    }

    // Reads -----------------------------------------------------------------------------------------------------------

    /// @inheritdoc IVerifiers
    function pick(uint256 random) external view returns (address account) {
        _mustBeApplied();
        if (_tree.total == 0) revert NobodyToPick();
        return _accountAt[_tree.find(random % _tree.total)];
    }

    /// @inheritdoc IVerifiers
    function pickDistinct(bytes32 random, uint256 count, address[] calldata excluded)
        external
        view
        returns (address[] memory picked)
    {
        _mustBeApplied();
        Bounds.within("count", count, 1, MAX_PICKED);
        Bounds.within("excluded", excluded.length, 0, MAX_EXCLUDED);
        uint256 room = excluded.length + count;
        Removed memory removed =
            Removed({count: 0, weight: 0, starts: new uint256[](room), weights: new uint256[](room)});
        for (uint256 i = 0; i < excluded.length; ++i) {
            uint256 weight = weightOf[excluded[i]];
            if (weight != 0) _remove(removed, _enrolments[excluded[i]].place, weight);
        }
        picked = new address[](count);
        uint256 found = 0;
        for (; found < count && removed.weight < _tree.total; ++found) {
            uint256 point = uint256(keccak256(abi.encode(random, found))) % (_tree.total - removed.weight);
            // Skip the weights that are removed.
            for (uint256 i = 0; i < removed.count && removed.starts[i] <= point; ++i) {
                point += removed.weights[i];
            }
            uint256 place = _tree.find(point);
            address account = _accountAt[place];
            picked[found] = account;
            _remove(removed, place, weightOf[account]);
        }
        assembly ("memory-safe") {
            mstore(picked, found)
        }
    }

    /// @inheritdoc IVerifiers
    function totalWeight() external view returns (uint256) {
        return _tree.total;
    }

    /// @inheritdoc IVerifiers
    function enrolmentOf(address account) external view returns (Enrolment memory) {
        return _enrolments[account];
    }

    /// @inheritdoc IVerifiers
    function verifierCount() external view returns (uint256) {
        return _placesUsed - _freePlaces.length;
    }

    /// @notice How many changes wait, and when the first of them is due.
    function changesWaiting() external view returns (uint256 count, uint256 due) {
        return (_endChange - _firstChange, _changes[_firstChange].due);
    }

    // Inside ----------------------------------------------------------------------------------------------------------

    function _sender() private view returns (address account) {
        account = delegations.accountOf(msg.sender, Scopes.VERIFY);
        if (account == address(0)) revert NoAccount(msg.sender, Scopes.VERIFY);
    }

    function _enrolled(address account) private view returns (Enrolment storage enrolment) {
        enrolment = _enrolments[account];
        if (enrolment.place == 0) revert NotEnrolled(account);
    }

    function _mayChange(address account, Enrolment storage enrolment) private view {
        if (enrolment.changes >= MAX_CHANGES) revert TooManyChanges(account, enrolment.changes, MAX_CHANGES);
    }

    function _leave(address account, Enrolment storage enrolment) private {
        enrolment.leaving = true;
        emit Leaving(account, _change(account, enrolment, 0));
    }

    function _change(address account, Enrolment storage enrolment, uint256 weight) private returns (uint256 due) {
        due = block.timestamp + delay;
        ++enrolment.changes;
        _changes[_endChange++] = Change({account: account, due: uint40(due), weight: uint96(weight)});
    }

    /// A number behind the last change has a due time of zero and no account.
    function _isDue(uint256 number) private view returns (bool) {
        return number < _endChange && _changes[number].due <= block.timestamp;
    }

    function _mustBeApplied() private view {
        if (_isDue(_firstChange)) revert ChangesDue(_firstChange);
    }

    function _takePlace(address account) private returns (uint256 place) {
        uint256 free = _freePlaces.length;
        if (free != 0) {
            place = _freePlaces[free - 1];
            _freePlaces.pop();
        } else {
            if (_placesUsed == MAX_VERIFIERS) revert TooManyVerifiers(_placesUsed, MAX_VERIFIERS);
            place = ++_placesUsed;
        }
        _accountAt[place] = account;
    }

    /// A verifier is gone when it wanted to leave, its weight is out of the tree, and it owes nothing more.
    function _endIfOver(address account, Enrolment storage enrolment) private {
        if (!enrolment.leaving || enrolment.changes != 0 || enrolment.duties != 0) return;
        uint256 locked = enrolment.locked;
        uint256 place = enrolment.place;
        delete _enrolments[account];
        delete _accountAt[place];
        _freePlaces.push(place);
        emit Left(account, locked);
        vault.unlock(account, OBLIGATION, locked);
    }

    /// Inserts a place's weight where it belongs; one that is there already stays there once.
    function _remove(Removed memory removed, uint256 place, uint256 weight) private view {
        uint256 start = _tree.before(place);
        uint256 at = removed.count;
        while (at != 0 && removed.starts[at - 1] >= start) {
            if (removed.starts[--at] == start) return;
        }
        for (uint256 i = removed.count; i > at; --i) {
            removed.starts[i] = removed.starts[i - 1];
            removed.weights[i] = removed.weights[i - 1];
        }
        removed.starts[at] = start;
        removed.weights[at] = weight;
        removed.weight += weight;
        ++removed.count;
    }
}
